//! A ledger writes down what happened, and forgets only the oldest.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tokio_test::{assert_pending, task};
use tower::{Layer, Service, ServiceExt, service_fn};
use watertight_testing::{Ended, Ledger, LedgerLayer, LedgerService, Record, never};

#[tokio::test(start_paused = true)]
async fn a_record_tells_order_time_and_end() {
    let ledger = Ledger::new();
    let layer = LedgerLayer::new(ledger.clone()).label(|n: &u64| format!("call {n}"));
    let service = layer.layer(service_fn(async |n: u64| {
        sleep(Duration::from_secs(n)).await;
        if n == 2 { Err("two") } else { Ok(n) }
    }));
    let start = Instant::now();
    for n in 1..=2 {
        let _ = service.clone().oneshot(n).await;
    }
    assert_eq!(ledger.labels(), ["call 1", "call 2"]);
    let records = ledger.records();
    assert_eq!(records[0].start, start);
    assert_eq!(records[1].duration(), Some(Duration::from_secs(2)));
    let ends: Vec<_> = records.iter().map(Record::ended).collect();
    assert_eq!(ends, [Some(Ended::Ok), Some(Ended::Err)]);
    ledger.assert_idle();
}

#[tokio::test]
async fn the_high_water_mark_stays_after_the_calls_are_gone() {
    let ledger = Ledger::new();
    let service = LedgerService::new(never::<(), (), ()>(), ledger.clone());
    let mut calls: Vec<_> = (0..3)
        .map(|_| task::spawn(service.clone().oneshot(())))
        .collect();
    for call in &mut calls {
        assert_pending!(call.poll());
    }
    assert_eq!(ledger.in_flight(), 3);
    drop(calls);
    ledger.assert_idle();
    assert_eq!(ledger.max_in_flight(), 3);
    assert_eq!(ledger.ended(Ended::Cancelled), 3);
    assert!(catch_unwind(|| ledger.assert_max_in_flight(2)).is_err());
}

#[tokio::test]
async fn a_panic_is_written_down_at_once() {
    let ledger = Ledger::new();
    let in_call = service_fn(|(): ()| -> std::future::Ready<Result<(), ()>> { panic!("in call") });
    let in_poll = service_fn(async |(): ()| -> Result<(), ()> { panic!("in poll") });
    let mut service = LedgerService::new(in_call, ledger.clone());
    assert!(catch_unwind(AssertUnwindSafe(|| service.call(()))).is_err());
    let mut service = LedgerService::new(in_poll, ledger.clone());
    let mut call = task::spawn(service.call(()));
    assert!(catch_unwind(AssertUnwindSafe(|| call.poll())).is_err());
    // The future is still alive.
    assert_eq!(ledger.ended(Ended::Panicked), 2);
    ledger.assert_idle();
}

#[tokio::test]
async fn the_newest_records_are_kept_and_every_call_is_counted() {
    let ledger = Ledger::keeping(2);
    let service = service_fn(async |n: u32| Ok::<_, ()>(n));
    let service = LedgerService::new(service, ledger.clone());
    let mut first = service.clone();
    let first = first.call(0);
    for n in 1..=3 {
        service.clone().oneshot(n).await.unwrap();
    }
    // Its record has made room; its end is counted all the same.
    first.await.unwrap();
    let numbers: Vec<_> = ledger
        .records()
        .iter()
        .map(|record| record.number)
        .collect();
    assert_eq!(numbers, [3, 4]);
    assert_eq!(ledger.ended(Ended::Ok), 4);
    ledger.assert_calls(4);
}
