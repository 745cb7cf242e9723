//! What every store of views must keep to, as tests: [`view_store_tests!`](crate::view_store_tests).

mod finding;
mod leases;
mod parking;
mod saving;
mod support;
mod versions;

pub use self::{finding::*, leases::*, parking::*, saving::*, versions::*};

/// Makes a test of every property that a store of views must keep to. The argument is a
/// [`Fixture`](crate::conformance::Fixture) whose store is a [`ViewStore`](crate::ViewStore) too.
///
/// ```
/// use watertight_events::{MemoryStore, conformance::Fixture, view_store_tests};
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
/// view_store_tests!(Memory);
/// ```
#[macro_export]
macro_rules! view_store_tests {
    ($fixture:ty) => {
        $crate::view_store_tests! { $fixture:
            documents_and_the_checkpoint_are_saved_together
            a_save_that_was_done_is_fenced
            of_many_saves_from_one_checkpoint_one_is_done
            what_no_store_can_hold_is_refused_and_changes_nothing
            a_view_outlives_the_store
            a_view_is_held_by_one_owner
            a_lease_that_has_expired_is_anybodys
            a_lease_that_was_given_back_is_anybodys
            a_view_of_other_events_is_refused
            documents_are_loaded_set_wise
            pages_are_in_the_order_of_keys
            a_field_finds_what_has_its_value_now
            a_view_that_is_not_there_is_not_empty
            versions_stand_side_by_side
            a_version_is_promoted_once_it_has_caught_up
            a_promotion_can_be_taken_back_once
            a_version_is_erased_unless_it_is_in_use
            parked_events_are_listed_in_order
            a_requeued_lane_is_told_until_it_is_done
            an_event_that_fails_again_takes_its_lane_back
        }
    };
    ($fixture:ty: $($property:ident)*) => {
        $(
            #[test]
            fn $property() {
                $crate::conformance::run($crate::conformance::view::$property::<$fixture>());
            }
        )*
    };
}
