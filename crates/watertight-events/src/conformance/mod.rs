//! What every event store must keep to, as tests: [`event_store_tests!`](crate::event_store_tests).
//!
//! Each property is a function that panics where a store breaks it, named after what it says. The macro makes a test of each.
//! What a crash leaves behind cannot be tested inside one process; a store on disk has tests of its own for that.

mod commits;
mod keys;
mod limits;
mod reading;
pub mod snapshot;
mod subscribing;
mod support;
mod tracking;
mod versions;
pub mod view;

use std::future::Future;

use crate::EventStore;

pub use self::{
    commits::*, keys::*, limits::*, reading::*, subscribing::*, tracking::*, versions::*,
};

/// What the suite needs of a store.
pub trait Fixture: Sized + Send + Sync + 'static {
    /// The store.
    type Store: EventStore;

    /// Makes a new store with nothing in it and the usual [`Limits`](crate::Limits), apart from every other.
    fn fresh() -> impl Future<Output = Self> + Send;

    /// The store.
    fn store(&self) -> Self::Store;

    /// Closes the store and opens it again; nothing if what it holds does not outlive it.
    fn reopen(self) -> impl Future<Output = Option<Self>> + Send;
}

/// Runs one property on a runtime with four workers.
///
/// # Panics
///
/// The store breaks the property, or the system gives no thread.
pub fn run<T>(property: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build();
    runtime
        .expect("the system gives threads")
        .block_on(property)
}

/// Makes a test of every property that an event store must keep to. The argument is a
/// [`Fixture`](crate::conformance::Fixture).
///
/// ```
/// use watertight_events::{MemoryStore, conformance::Fixture, event_store_tests};
///
/// struct Memory(MemoryStore);
///
/// impl Fixture for Memory {
///     type Store = MemoryStore;
///
///     async fn fresh() -> Self {
///         Self(MemoryStore::new())
///     }
///
///     fn store(&self) -> MemoryStore {
///         self.0.clone()
///     }
///
///     async fn reopen(self) -> Option<Self> {
///         None
///     }
/// }
///
/// event_store_tests!(Memory);
/// ```
#[macro_export]
macro_rules! event_store_tests {
    ($fixture:ty) => {
        $crate::event_store_tests! { $fixture:
            versions_are_checked_as_expected
            an_append_after_an_event_needs_that_very_event
            of_two_writers_at_one_version_one_meets_a_conflict
            of_many_who_create_a_stream_exactly_one_does
            writers_on_one_stream_leave_contiguous_versions
            an_append_of_nothing_checks_the_version_only
            a_failed_write_that_is_sent_again_really_writes
            positions_are_gapless_in_spite_of_conflicts
            all_streams_of_a_write_are_written_or_none
            one_bad_request_harms_no_neighbour
            a_write_that_is_dropped_is_done_or_not_done
            a_stream_twice_in_one_write_is_refused
            a_key_is_done_once_however_often_it_is_sent
            a_key_of_another_command_is_a_mismatch
            a_key_comes_before_a_conflict
            a_write_of_nothing_keeps_its_key
            a_refused_write_keeps_no_key
            a_key_that_has_expired_is_forgotten
            a_key_outlives_the_store
            a_consumer_moves_in_the_commit_of_what_it_emits
            a_consumer_that_was_moved_meanwhile_is_fenced
            an_older_run_of_a_consumer_is_fenced
            a_conflict_leaves_the_consumer_where_it_was
            what_is_read_is_what_was_written
            pages_are_in_order_and_of_the_size_asked_for
            a_filter_moves_past_what_it_leaves_out
            reads_beyond_the_end_are_empty
            names_that_look_alike_are_streams_of_their_own
            what_no_store_can_hold_is_refused_by_its_name
            what_is_too_large_is_refused_by_its_limit
            events_and_identity_outlive_the_store
            a_subscriber_sees_every_position_once_under_load
            a_subscriber_that_starts_again_misses_nothing
            a_filtered_subscriber_hears_of_what_it_skips
            the_head_is_told_to_those_who_watch
        }
    };
    ($fixture:ty: $($property:ident)*) => {
        $(
            #[test]
            fn $property() {
                $crate::conformance::run($crate::conformance::$property::<$fixture>());
            }
        )*
    };
}
