//! With snapshots or without, the state is the same.

use proptest::{collection::vec, prelude::*, test_runner::RngSeed};
use watertight_cqrs::CommandHandler;
use watertight_events::MemoryStore;

use crate::{
    ledger::{Ledger, enter, folded, handler, settled, shown},
    stores::Counting,
};

/// Amounts of one command, and whether the program starts again after it.
fn commands() -> impl Strategy<Value = Vec<(Vec<f64>, bool)>> {
    let amount = -1e9..1e9_f64;
    vec((vec(amount, 0..7), any::<bool>()), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_fold_of_all_events_is_that_of_a_snapshot_and_the_rest(
        commands in commands(),
        every in 1..25_u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        runtime.block_on(async {
            let store = MemoryStore::new();
            let mut ledger = handler(&store, &store, every);
            for (amounts, starts_again) in commands {
                enter(&ledger, &amounts).await;
                settled().await;
                prop_assert_eq!(shown(&ledger).await, folded::<1>(&store).await);
                if starts_again {
                    ledger = handler(&store, &store, every);
                    prop_assert_eq!(shown(&ledger).await, folded::<1>(&store).await);
                    prop_assert_eq!(ledger.snapshots().ignored, 0);
                    let entries = shown(&ledger).await.entries;
                    prop_assert_eq!(ledger.snapshots().used, u64::from(entries >= every));
                }
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_cold_stream_is_read_from_its_snapshot_on_however_long_it_is() {
    let store = Counting::default();
    let mut ledger = handler(&store, &store.store, 1_000);
    for thousands in 1..=100_u32 {
        let amounts: Vec<_> = (0..1_000).map(f64::from).collect();
        enter(&ledger, &amounts).await;
        settled().await;
        store.read();
        ledger = handler(&store, &store.store, 1_000);
        assert_eq!(shown(&ledger).await.entries, u64::from(thousands) * 1_000);
        // The one event that proves the snapshot.
        assert_eq!(store.read(), (1, 1));
    }
}

#[tokio::test]
async fn a_cold_stream_without_a_snapshot_is_read_in_pages() {
    let store = Counting::default();
    let ledger = CommandHandler::new(Ledger::<1>, store.clone());
    for _ in 0..20 {
        enter(&ledger, &[1.5; 5_000]).await;
    }
    store.read();
    let cold = CommandHandler::new(Ledger::<1>, store.clone());
    assert_eq!(shown(&cold).await.entries, 100_000);
    assert_eq!(store.read(), (100_000, 500));
}

#[tokio::test]
async fn what_came_after_a_snapshot_is_read_in_pages_too() {
    let store = Counting::default();
    let ledger = handler(&store, &store.store, 10);
    enter(&ledger, &[0.5; 20]).await;
    settled().await;
    let plain = CommandHandler::new(Ledger::<1>, store.clone());
    enter(&plain, &[0.25; 1_700]).await;
    store.read();
    let cold = handler(&store, &store.store, 10_000);
    assert_eq!(shown(&cold).await, folded::<1>(&store.store).await);
    assert_eq!(store.read(), (1_701, 500));
    assert_eq!(cold.snapshots().used, 1);
}
