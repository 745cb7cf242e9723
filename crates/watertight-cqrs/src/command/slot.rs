use std::{
    mem,
    sync::{Mutex, MutexGuard, atomic::AtomicU64},
};

use tokio::sync::Notify;
use uuid::Uuid;
use watertight_events::Version;

/// What a handler knows of one stream: the state with all the events that are on their way, so that commands need not wait
/// for each other's commits.
///
/// It may be wrong, because another process has written or a write on the way fails. That costs a conflict and another look
/// at the store, never a wrong append: every append says which version it was decided at, and upon which event, if that was
/// still on its way.
#[derive(Debug)]
pub(super) struct Slot<T> {
    core: Mutex<Core<T>>,
    /// One caller at a time reads the stream.
    pub(super) loading: tokio::sync::Mutex<()>,
    settled: Notify,
    /// The last version of which a snapshot is, or is on its way.
    pub(super) snapshot: AtomicU64,
}

#[derive(Debug)]
pub(super) struct Core<T> {
    known: Option<Known<T>>,
    /// How often what was known turned out to be wrong.
    era: u64,
    /// Everything up to here is committed.
    committed: Version,
}

#[derive(Debug)]
struct Known<T> {
    state: T,
    version: Version,
    /// The last event, if this handler has sent it.
    last: Option<Uuid>,
}

/// Where a command was decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Seen {
    pub(super) version: Version,
    era: u64,
}

/// A write on its way. Dropped before it ended well, what followed from it is not known any more.
#[derive(Debug)]
pub(super) struct OnTheWay<'a, T> {
    slot: &'a Slot<T>,
    seen: Seen,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            core: Mutex::new(Core {
                known: None,
                era: 0,
                committed: Version::NONE,
            }),
            loading: tokio::sync::Mutex::default(),
            settled: Notify::new(),
            snapshot: AtomicU64::new(0),
        }
    }
}

impl<T> Slot<T> {
    /// What is known. A decider that panicked in here leaves nothing known.
    pub(super) fn lock(&self) -> MutexGuard<'_, Core<T>> {
        self.core.lock().unwrap_or_else(|poisoned| {
            self.core.clear_poison();
            let mut core = poisoned.into_inner();
            core.forget();
            core
        })
    }

    /// Takes over what the store says, unless somebody else has.
    pub(super) fn learn(&self, state: T, version: Version) {
        let mut core = self.lock();
        if core.known.is_none() {
            core.known = Some(Known {
                state,
                version,
                last: None,
            });
            core.committed = version;
        }
    }

    /// What was seen is wrong.
    pub(super) fn forget(&self, seen: Seen) {
        let mut core = self.lock();
        if core.era == seen.era {
            core.forget();
            self.settled.notify_waiters();
        }
    }

    /// Waits until everything that was seen is committed; false if it turned out to be wrong.
    pub(super) async fn settled(&self, seen: Seen) -> bool {
        loop {
            let settled = self.settled.notified();
            {
                let core = self.lock();
                if core.era != seen.era {
                    return false;
                }
                if core.committed >= seen.version {
                    return true;
                }
            }
            settled.await;
        }
    }

    /// Watches over a write that was decided at `seen` and is on its way.
    pub(super) const fn on_the_way(&self, seen: Seen) -> OnTheWay<'_, T> {
        OnTheWay { slot: self, seen }
    }
}

impl<T: Default> Core<T> {
    /// The state and where it is, if it is known.
    pub(super) fn seen(&self) -> Option<(&T, Seen)> {
        let known = self.known.as_ref()?;
        let seen = Seen {
            version: known.version,
            era: self.era,
        };
        Some((&known.state, seen))
    }

    /// The last event that the state is made of, if it is still on its way.
    pub(super) fn upon(&self) -> Option<Uuid> {
        let known = self.known.as_ref()?;
        known.last.filter(|_| known.version > self.committed)
    }

    /// Moves the state over the events that were sent, by their ids. If `evolve` panics, nothing is known afterwards.
    pub(super) fn advance(&mut self, sent: &[Uuid], evolve: impl FnOnce(T) -> T) {
        if let Some(known) = self.known.take() {
            self.known = Some(Known {
                state: evolve(known.state),
                version: known.version.after(sent.len()),
                last: sent.last().copied().or(known.last),
            });
        }
    }
}

impl<T> Core<T> {
    fn forget(&mut self) {
        self.known = None;
        self.era += 1;
    }
}

impl<T> OnTheWay<'_, T> {
    /// The write is committed, and the stream is at this version.
    pub(super) fn committed(self, version: Version) {
        {
            let mut core = self.slot.lock();
            if core.era == self.seen.era {
                core.committed = core.committed.max(version);
            }
        }
        self.slot.settled.notify_waiters();
        mem::forget(self);
    }
}

impl<T> Drop for OnTheWay<'_, T> {
    fn drop(&mut self) {
        self.slot.forget(self.seen);
    }
}
