use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};

use crate::http::{
    field::{all, malformed},
    problem::Problem,
};

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// How long the caller would wait for an answer: `Prefer: wait=SECONDS`. Other preferences are none of ours.
pub(super) fn wait(headers: &HeaderMap) -> Result<Option<Duration>, Problem> {
    for value in all(headers, &PREFER) {
        for preference in value?.split([',', ';']) {
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            if name.trim().eq_ignore_ascii_case("wait") {
                return seconds(value.trim().trim_matches('"')).map(Some);
            }
        }
    }
    Ok(None)
}

fn seconds(text: &str) -> Result<Duration, Problem> {
    // `parse` would take a sign; and what is too long for a number is longer than anybody waits.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed(&PREFER, "wait=SECONDS"));
    }
    Ok(Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
}
