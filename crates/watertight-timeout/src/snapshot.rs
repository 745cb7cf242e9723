use std::time::Duration;

use watertight_core::{ComponentSnapshot, Value};

use crate::event::Phase;

/// The kind under which a registry knows timeouts.
pub(crate) const KIND: &str = "timeout";

/// What there is to see of a timeout.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Its name.
    pub name: &'static str,
    /// How long something may take.
    pub duration: Duration,
    elapsed: [u64; Phase::ALL.len()],
}

impl Snapshot {
    pub(crate) const fn new(
        name: &'static str,
        duration: Duration,
        elapsed: [u64; Phase::ALL.len()],
    ) -> Self {
        Self {
            name,
            duration,
            elapsed,
        }
    }

    /// How often time was up in a phase.
    #[must_use]
    pub const fn elapsed(&self, phase: Phase) -> u64 {
        self.elapsed[phase as usize]
    }

    /// How often time was up in any phase.
    #[must_use]
    pub fn elapsed_in_all(&self) -> u64 {
        self.elapsed.iter().sum()
    }
}

impl From<&Snapshot> for ComponentSnapshot {
    fn from(snapshot: &Snapshot) -> Self {
        let mut fields = vec![("duration", Value::Time(snapshot.duration))];
        let count = |phase: Phase| (phase.as_str(), Value::Count(snapshot.elapsed(phase)));
        fields.extend(Phase::ALL.map(count));
        Self::new(KIND, snapshot.name, fields)
    }
}
