use std::time::Duration;

use serde::Serialize;
use sha2::{Digest, Sha256};
use watertight_events::{KEEP_KEYS, Key};

/// A caller's key for a command: the same key is done once, however often it is sent, and answered alike.
///
/// It is scoped by who asks (the metadata's actor) and by the decider, so nobody gets another's answer. The command is
/// fingerprinted by its JSON, with sorted fields.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdempotencyKey {
    text: String,
    fingerprint: u64,
    keep: Duration,
}

impl IdempotencyKey {
    /// A key for this command, kept for 7 days.
    ///
    /// # Errors
    ///
    /// The command has no JSON.
    pub fn new<C: Serialize>(text: impl Into<String>, command: &C) -> serde_json::Result<Self> {
        Ok(Self {
            text: text.into(),
            fingerprint: fingerprint(command)?,
            keep: KEEP_KEYS,
        })
    }

    /// The same, kept for another time.
    #[must_use]
    pub const fn keep_for(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    /// The same key for the same command in another form.
    pub(crate) fn rekeyed<C: Serialize>(mut self, command: &C) -> serde_json::Result<Self> {
        self.fingerprint = fingerprint(command)?;
        Ok(self)
    }

    /// The key as the store has it. Lengths stand before the parts, so that no two scopes run into each other.
    pub(crate) fn scoped(&self, actor: Option<&str>, category: &str) -> Key {
        let mut id = Vec::with_capacity(24 + category.len() + self.text.len());
        for part in [category, actor.unwrap_or_default()] {
            id.extend((part.len() as u64).to_be_bytes());
            id.extend(part.as_bytes());
        }
        id.extend(self.text.as_bytes());
        let mut key = Key::new(id, self.fingerprint);
        key.keep = self.keep;
        key
    }
}

/// The first 64 bits of the SHA-256 of the JSON: the same in every process and every version of a program.
pub(crate) fn fingerprint<C: Serialize>(command: &C) -> serde_json::Result<u64> {
    // By way of a value, because maps that iterate at random must come out alike.
    let mut sorted = serde_json::to_value(command)?;
    sorted.sort_all_objects();
    let hash = Sha256::digest(serde_json::to_vec(&sorted)?);
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    Ok(u64::from_be_bytes(first))
}
