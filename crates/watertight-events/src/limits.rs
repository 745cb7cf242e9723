use std::collections::HashSet;

use crate::{Invalid, Write, WriteError, ids::check_text};

/// How large a write may be. Every store checks it before anything else, so that one write cannot harm another.
///
/// | limit | default |
/// |---|---|
/// | `payload` | 1 MiB per event |
/// | `metadata` | 16 KiB per event: context and headers together |
/// | `events` | 10 000 per write |
/// | `bytes` | 16 MiB per write |
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes in one payload.
    pub payload: usize,
    /// Bytes in what an event's metadata carries along.
    pub metadata: usize,
    /// Events, and streams, in one write.
    pub events: usize,
    /// Bytes in all the payloads and metadata of one write.
    pub bytes: usize,
}

/// The largest idempotency key, in bytes.
pub const MAX_KEY: usize = 1024;

/// What every event costs beside its payload: ids, names, numbers.
const PER_EVENT: usize = 200;

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload: 1 << 20,
            metadata: 16 << 10,
            events: 10_000,
            bytes: 16 << 20,
        }
    }
}

impl Limits {
    /// How many bytes a write is, if every store could hold it.
    ///
    /// # Errors
    ///
    /// [`WriteError::Invalid`] names the field that no store could hold, [`WriteError::TooLarge`] the limit.
    pub fn check(&self, write: &Write) -> Result<usize, WriteError> {
        at_most("write, in streams,", write.appends.len(), self.events)?;
        let mut bytes = 0;
        for append in &write.appends {
            check_text("stream", append.stream.as_str())?;
            for event in &append.events {
                check_text("kind", &event.kind)?;
                at_most("payload, in bytes,", event.payload.len(), self.payload)?;
                let metadata = event.metadata.size();
                at_most("metadata, in bytes,", metadata, self.metadata)?;
                bytes += event.payload.len() + metadata + PER_EVENT;
            }
        }
        let events = write.appends.iter().map(|append| append.events.len()).sum();
        at_most("write, in events,", events, self.events)?;
        at_most("write, in bytes,", bytes, self.bytes)?;
        if let Some(key) = &write.key {
            at_most("idempotency key, in bytes,", key.id.len(), MAX_KEY)?;
        }
        if let Some(tracking) = &write.tracking {
            check_text("consumer", &tracking.consumer)?;
        }
        each_stream_once(write)?;
        Ok(bytes)
    }
}

fn at_most(field: &'static str, size: usize, limit: usize) -> Result<(), WriteError> {
    if size > limit {
        return Err(WriteError::TooLarge { field, size, limit });
    }
    Ok(())
}

fn each_stream_once(write: &Write) -> Result<(), Invalid> {
    if write.appends.len() < 2 {
        return Ok(());
    }
    let mut seen = HashSet::with_capacity(write.appends.len());
    let twice = write
        .appends
        .iter()
        .find(|append| !seen.insert(&append.stream));
    twice.map_or(Ok(()), |append| {
        let why = "the write appends to it twice";
        Err(Invalid::new("stream", append.stream.as_str(), why))
    })
}
