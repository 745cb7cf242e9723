//! Ours, the floor and other people's crates, in cases that set them up to do the same work.

pub mod cases;
pub mod filled;
pub mod http;
pub mod peers;
pub mod timing;
