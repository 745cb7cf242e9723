//! What a fallback needs of HTTP: 5xx responses as failures, marks on its own answers, the last good response.

mod constant;
mod form;
mod good;
mod preset;
mod refusal;
mod stale;
mod tee;

pub use self::{
    constant::Constant,
    form::{HeadMut, Http},
    refusal::InHttp,
    stale::{HttpRemembering, HttpStale, HttpStaleBuilder, Remembered},
    tee::StaleBody,
};
