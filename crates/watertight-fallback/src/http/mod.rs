//! What a fallback needs of HTTP: 5xx responses as failures, marks on its own answers.

mod form;
mod preset;
mod refusal;

pub use self::{
    form::{HeadMut, Http},
    refusal::InHttp,
};
