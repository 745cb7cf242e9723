use axum::{
    extract::{FromRequestParts, Query, RawPathParams, Request, rejection::RawPathParamsRejection},
    http::{Method, StatusCode, Uri, request::Parts},
};
use serde::de::DeserializeOwned;
use watertight_core::Deadline;

use super::BY;
use crate::http::{exchange::json, problem::Problem};

/// The query of a request: the JSON of a POST; else the parts of its path and its query string.
pub(super) async fn asked<Q: DeserializeOwned>(
    request: Request,
    deadline: Option<Deadline>,
) -> Result<Q, Problem> {
    let (mut parts, body) = request.into_parts();
    let path = path(&mut parts).await?;
    let string = parts.uri.query().unwrap_or_default();
    let names = names(string)?;
    let mut of_path = path.iter().map(|(name, _)| name);
    if parts.method == Method::POST {
        // Else a caller who may ask for one part of the path could ask for another in the body.
        if let Some(name) = of_path.next().or(names.first()) {
            return Err(bad(format!("`{name}` is not in the body: ask with GET")));
        }
        let read = json(Request::from_parts(parts, body), deadline, BY).await?;
        return read.map_err(|why| match why.status() {
            StatusCode::UNPROCESSABLE_ENTITY => bad(why.body_text()),
            status => Problem::new(status, why.body_text()),
        });
    }
    if let Some(name) = of_path.find(|name| names.contains(name)) {
        return Err(bad(format!("`{name}` is in the path already")));
    }
    let mut all = form_urlencoded::Serializer::new("/?".to_owned());
    all.extend_pairs(&path);
    let all = match all.finish() {
        all if string.is_empty() => all,
        all => format!("{all}&{string}"),
    };
    let uri = Uri::try_from(all);
    let uri = uri.map_err(|_| Problem::new(StatusCode::URI_TOO_LONG, "the address is too long"))?;
    let query = Query::try_from_uri(&uri).map_err(|why| bad(why.body_text()));
    query.map(|Query(query)| query)
}

/// The parts of the path that have names.
async fn path(parts: &mut Parts) -> Result<Vec<(String, String)>, Problem> {
    match RawPathParams::from_request_parts(parts, &()).await {
        Ok(path) => {
            let path = path.iter();
            Ok(path.map(|(name, it)| (name.into(), it.into())).collect())
        }
        Err(RawPathParamsRejection::InvalidUtf8InPathParam(why)) => Err(bad(why.body_text())),
        // The route is not in a router.
        Err(_) => Ok(Vec::new()),
    }
}

/// The names of a query string, all of whose names and values are text.
fn names(string: &str) -> Result<Vec<String>, Problem> {
    let pairs = string.split('&').filter(|pair| !pair.is_empty());
    let names = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let malformed = || bad(format!("`{name}` of the query string is malformed"));
        let read = text(name).ok_or_else(malformed)?;
        text(value).ok_or_else(malformed)?;
        Ok(read)
    });
    names.collect()
}

/// The decoder of forms takes broken escapes as they are, and replaces what is no UTF-8.
fn text(encoded: &str) -> Option<String> {
    let mut text = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        text.push(match byte {
            b'+' => b' ',
            b'%' => 16 * hex(rest.next()?)? + hex(rest.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(text).ok()
}

fn hex(digit: u8) -> Option<u8> {
    let digit = char::from(digit).to_digit(16)?;
    u8::try_from(digit).ok()
}

fn bad(why: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, why)
}
