use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What became of the snapshots of a handler since it was built.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct SnapshotCounts {
    /// Streams that were read from a snapshot on.
    pub used: u64,
    /// Snapshots that were not believed: of another schema, rotten, or of events that are not there.
    pub ignored: u64,
    /// Snapshots that were saved.
    pub saved: u64,
    /// Snapshots that could not be read or saved.
    pub failed: u64,
    /// Snapshots that were not taken, because enough were on their way.
    pub skipped: u64,
}

/// The same as they are counted.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) used: Count,
    pub(super) ignored: Count,
    pub(super) saved: Count,
    pub(super) failed: Count,
    pub(super) skipped: Count,
}

#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Counts {
    pub(super) fn read(&self) -> SnapshotCounts {
        SnapshotCounts {
            used: self.used.read(),
            ignored: self.ignored.read(),
            saved: self.saved.read(),
            failed: self.failed.read(),
            skipped: self.skipped.read(),
        }
    }
}

impl Count {
    pub(super) fn one(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
