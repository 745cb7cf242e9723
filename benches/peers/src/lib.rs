//! Ours, the floor and other people's crates, in cases that set them up to do the same work.

pub mod cases;
pub mod peers;
pub mod report;
pub mod timing;
