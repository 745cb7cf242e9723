//! Fields of a request's head.

use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::problem::Problem;

pub(super) const CONSISTENCY_TOKEN: HeaderName = HeaderName::from_static("consistency-token");
pub(super) const CORRELATION_ID: HeaderName = HeaderName::from_static("correlation-id");

pub(super) fn parsed<T: FromStr>(
    headers: &HeaderMap,
    name: &HeaderName,
    wanted: &str,
) -> Result<Option<T>, Problem> {
    one(headers, name)?
        .map(str::parse)
        .transpose()
        .map_err(|_| malformed(name, wanted))
}

/// The value of a header that may be there once.
pub(super) fn one<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(malformed(name, "only one"));
    }
    text(name, value).map(Some)
}

/// The values of a header that may be there more than once.
pub(super) fn all<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = Result<&'h str, Problem>> {
    let values = headers.get_all(name).iter();
    values.map(move |value| text(name, value))
}

pub(super) fn malformed(name: &HeaderName, wanted: &str) -> Problem {
    let why = format!("the header {name} is malformed: expected {wanted}");
    Problem::new(StatusCode::BAD_REQUEST, why)
}

fn text<'h>(name: &HeaderName, value: &'h HeaderValue) -> Result<&'h str, Problem> {
    let text = value.to_str();
    let text = text.map_err(|_| malformed(name, "visible ASCII"))?;
    Ok(text.trim())
}
