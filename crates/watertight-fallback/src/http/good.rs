//! Which responses are worth remembering.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header};

/// Whether a later request may be answered with a response that has this head.
pub(super) fn is_good(status: StatusCode, headers: &HeaderMap) -> bool {
    // A redirection or a 4xx is an answer, but no substitute for the answer to a later request.
    // One that varies by everything is the answer to its own request only.
    let varies = headers
        .get_all(header::VARY)
        .into_iter()
        .any(|by| by == "*");
    status.is_success() && status != StatusCode::PARTIAL_CONTENT && !varies && may_be_kept(headers)
}

/// Whether a body is as long as its head announces, if it announces a length.
pub(super) fn is_whole(headers: &HeaderMap, length: usize) -> bool {
    let announced = headers.get(header::CONTENT_LENGTH);
    announced.is_none_or(|announced| announced == HeaderValue::from(length))
}

/// How old a response says it is (RFC 9111, 5.1): of several values the first, and what is no number is no age.
pub(super) fn age_of(headers: &HeaderMap) -> Duration {
    let value = headers.get(header::AGE).and_then(|age| age.to_str().ok());
    let first = value
        .and_then(|value| value.split(',').next())
        .map(str::trim);
    let digits = first.filter(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()));
    // More digits than a number holds are as old as can be.
    let seconds = digits.map_or(0, |digits| digits.parse().unwrap_or(u64::MAX));
    Duration::from_secs(seconds)
}

fn may_be_kept(headers: &HeaderMap) -> bool {
    let directives = headers.get_all(header::CACHE_CONTROL).into_iter();
    let mut directives = directives
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|directive| directive.split('=').next().unwrap_or_default().trim());
    !directives.any(|directive| {
        directive.eq_ignore_ascii_case("no-store") || directive.eq_ignore_ascii_case("private")
    })
}
