//! Stores that are wrong on purpose fail the suite in the right place.

use std::{future::Future, panic::AssertUnwindSafe};

use futures::FutureExt;
use tokio::sync::watch;
use watertight_events::{
    EventStore, Expected, Filter, Key, MemoryStore, Page, Position, ReadError, Snapshot,
    SnapshotError, SnapshotStore, StoreId, StreamId, StreamPage, Version, Write, WriteError,
    Written,
    conformance::{self, Fixture},
};

/// A good store with one thing wrong with it.
#[derive(Clone, Debug)]
struct Broken<const FAULT: u8>(MemoryStore);

const FORGETS_KEYS: u8 = 0;
const CHECKS_NO_VERSION: u8 = 1;
const SKIPS_EVENTS: u8 = 2;
const FORGETS_WHAT_IT_SCANNED: u8 = 3;
const WRITES_IN_PARTS: u8 = 4;
const TAKES_ANY_SIZE: u8 = 5;
const FORGETS_CONSUMERS: u8 = 6;
const IS_SHORT: u8 = 7;
const KEEPS_LATER_SNAPSHOTS: u8 = 8;
const CUTS_SNAPSHOTS_OFF: u8 = 9;

impl<const FAULT: u8> EventStore for Broken<FAULT> {
    fn id(&self) -> StoreId {
        self.0.id()
    }

    async fn write(&self, mut write: Write) -> Result<Written, WriteError> {
        match FAULT {
            FORGETS_KEYS => write.key = None,
            FORGETS_CONSUMERS => write.tracking = None,
            CHECKS_NO_VERSION => {
                for append in &mut write.appends {
                    append.expected = Expected::Any;
                }
            }
            TAKES_ANY_SIZE => {
                for event in write
                    .appends
                    .iter_mut()
                    .flat_map(|append| &mut append.events)
                {
                    event.payload.truncate(1 << 20);
                }
            }
            WRITES_IN_PARTS if write.appends.len() > 1 => {
                let last = write.appends.split_off(1);
                let mut done = self.0.write(write).await?;
                for append in last {
                    let write = Write::to(append.stream, append.expected, append.events);
                    let next = self.0.write(write).await?;
                    done.streams.extend(next.streams);
                    done.position = next.position;
                }
                return Ok(done);
            }
            _ => {}
        }
        self.0.write(write).await
    }

    async fn answer(&self, key: &Key) -> Result<Option<Written>, WriteError> {
        self.0.answer(key).await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> Result<StreamPage, ReadError> {
        self.0.read_stream(stream, after, limit).await
    }

    async fn read_all(
        &self,
        after: Position,
        filter: &Filter,
        limit: usize,
    ) -> Result<Page, ReadError> {
        let mut page = self.0.read_all(after, filter, limit).await?;
        match FAULT {
            SKIPS_EVENTS if page.at_head => {
                page.events.pop();
            }
            FORGETS_WHAT_IT_SCANNED => {
                page.scanned_to = page.events.last().map_or(after, |last| last.position);
            }
            IS_SHORT => page.at_head = true,
            _ => {}
        }
        Ok(page)
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.0.head()
    }
}

impl<const FAULT: u8> SnapshotStore for Broken<FAULT> {
    async fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, SnapshotError> {
        self.0.load_snapshot(stream).await
    }

    async fn save_snapshot(&self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let mut snapshot = snapshot.clone();
        match FAULT {
            KEEPS_LATER_SNAPSHOTS => {
                let before = self.0.load_snapshot(&snapshot.stream).await?;
                if before.is_some_and(|it| it.version > snapshot.version) {
                    return Ok(());
                }
            }
            CUTS_SNAPSHOTS_OFF => snapshot.state.truncate(1 << 20),
            _ => {}
        }
        self.0.save_snapshot(&snapshot).await
    }

    async fn forget_snapshot(&self, stream: &StreamId) -> Result<(), SnapshotError> {
        self.0.forget_snapshot(stream).await
    }
}

impl<const FAULT: u8> Fixture for Broken<FAULT> {
    type Store = Self;

    async fn fresh() -> Self {
        Self(MemoryStore::new())
    }

    fn store(&self) -> Self {
        self.clone()
    }

    async fn reopen(self) -> Option<Self> {
        None
    }
}

/// Whether a property says that it is broken.
fn breaks(property: impl Future<Output = ()>) -> bool {
    conformance::run(AssertUnwindSafe(property).catch_unwind()).is_err()
}

#[test]
fn a_store_that_forgets_keys_is_found() {
    type Store = Broken<FORGETS_KEYS>;
    assert!(breaks(
        conformance::a_key_is_done_once_however_often_it_is_sent::<Store>()
    ));
    assert!(!breaks(conformance::versions_are_checked_as_expected::<
        Store,
    >()));
}

#[test]
fn a_store_that_checks_no_version_is_found() {
    type Store = Broken<CHECKS_NO_VERSION>;
    assert!(breaks(
        conformance::versions_are_checked_as_expected::<Store>()
    ));
    assert!(breaks(
        conformance::of_many_who_create_a_stream_exactly_one_does::<Store>()
    ));
    assert!(!breaks(conformance::what_is_read_is_what_was_written::<
        Store,
    >()));
}

#[test]
fn a_store_that_skips_an_event_is_found() {
    type Store = Broken<SKIPS_EVENTS>;
    assert!(breaks(
        conformance::a_subscriber_that_starts_again_misses_nothing::<Store>()
    ));
    assert!(!breaks(conformance::a_write_of_nothing_keeps_its_key::<
        Store,
    >()));
}

#[test]
fn a_store_that_forgets_how_far_it_looked_is_found() {
    type Store = Broken<FORGETS_WHAT_IT_SCANNED>;
    assert!(breaks(
        conformance::a_filter_moves_past_what_it_leaves_out::<Store>()
    ));
    assert!(!breaks(
        conformance::pages_are_in_order_and_of_the_size_asked_for::<Store>()
    ));
}

#[test]
fn a_store_that_writes_in_parts_is_found() {
    type Store = Broken<WRITES_IN_PARTS>;
    assert!(breaks(
        conformance::all_streams_of_a_write_are_written_or_none::<Store>()
    ));
    assert!(!breaks(conformance::versions_are_checked_as_expected::<
        Store,
    >()));
}

#[test]
fn a_store_that_cuts_payloads_off_is_found() {
    type Store = Broken<TAKES_ANY_SIZE>;
    assert!(breaks(
        conformance::what_is_too_large_is_refused_by_its_limit::<Store>()
    ));
    assert!(breaks(conformance::one_bad_request_harms_no_neighbour::<
        Store,
    >()));
    assert!(!breaks(conformance::what_is_read_is_what_was_written::<
        Store,
    >()));
}

#[test]
fn a_store_that_forgets_consumers_is_found() {
    type Store = Broken<FORGETS_CONSUMERS>;
    assert!(breaks(
        conformance::a_consumer_that_was_moved_meanwhile_is_fenced::<Store>()
    ));
    assert!(!breaks(
        conformance::a_key_comes_before_a_conflict::<Store>()
    ));
}

#[test]
fn a_store_whose_replays_are_short_is_found() {
    type Store = Broken<IS_SHORT>;
    assert!(breaks(
        conformance::pages_are_in_order_and_of_the_size_asked_for::<Store>()
    ));
    assert!(breaks(
        conformance::positions_are_gapless_in_spite_of_conflicts::<Store>()
    ));
    assert!(!breaks(conformance::versions_are_checked_as_expected::<
        Store,
    >()));
}

#[test]
fn a_store_that_keeps_the_later_snapshot_is_found() {
    type Store = Broken<KEEPS_LATER_SNAPSHOTS>;
    assert!(breaks(
        conformance::snapshot::the_last_snapshot_saved_is_the_one_that_is_kept::<Store>()
    ));
    assert!(!breaks(
        conformance::snapshot::every_stream_has_a_snapshot_of_its_own::<Store>()
    ));
}

#[test]
fn a_store_that_cuts_snapshots_off_is_found() {
    type Store = Broken<CUTS_SNAPSHOTS_OFF>;
    assert!(breaks(
        conformance::snapshot::a_snapshot_is_loaded_as_it_was_saved::<Store>()
    ));
    assert!(breaks(
        conformance::snapshot::a_snapshot_that_no_store_could_hold_is_refused::<Store>()
    ));
    assert!(!breaks(
        conformance::snapshot::a_snapshot_that_was_forgotten_is_gone::<Store>()
    ));
}
