use axum::http::{HeaderMap, header};

use crate::http::{
    field::{all, malformed},
    problem::Problem,
};

/// What the caller has already: `If-None-Match`.
#[derive(Debug, Default)]
pub(super) struct Seen {
    anything: bool,
    tags: Vec<String>,
}

impl Seen {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut seen = Self::default();
        for value in all(headers, &header::IF_NONE_MATCH) {
            let value = value?;
            if value == "*" {
                seen.anything = true;
                continue;
            }
            let tags = tags(value);
            seen.tags.extend(tags.ok_or_else(|| {
                malformed(&header::IF_NONE_MATCH, "ETags of earlier answers, or *")
            })?);
        }
        Ok(seen)
    }

    /// Whether that is what has this tag, weak or strong.
    pub(super) fn has(&self, tag: &str) -> bool {
        self.anything || self.tags.iter().any(|seen| seen == tag)
    }
}

/// Tags with their quotes, without what makes them weak. There may be commas within the quotes.
fn tags(mut rest: &str) -> Option<Vec<String>> {
    let mut tags = Vec::new();
    loop {
        let tag = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"')?;
        let (tag, after) = tag.split_once('"')?;
        tags.push(format!("\"{tag}\""));
        rest = after.trim_start();
        if rest.is_empty() {
            return Some(tags);
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}
