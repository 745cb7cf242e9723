use std::{error::Error, fmt};

use crate::contract::Rule;

/// A rule that a layer breaks, and what was seen.
///
/// Its `Debug` is its `Display`, so that `unwrap` in a test says what is wrong.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Broken {
    /// The rule.
    pub rule: Rule,
    /// What was seen.
    pub seen: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the layer breaks `{}`: {}", self.rule, self.seen)
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Broken {}
