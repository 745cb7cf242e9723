//! Other answers that are cancelled, panic, wait for a backup, or are counted.
#![cfg(feature = "metrics")]

use std::{
    future::{Future, pending, ready},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio_test::{assert_pending, task};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_test::mock;
use watertight_core::{BoxError, Registry, Value as Field, Verdict};
use watertight_fallback::{Failure, Fallback, FallbackLayer, Handled, Value};
use watertight_testing::Recorded;

const UNLUCKY: u32 = 13;

fn down() -> impl Service<u32, Response = u32, Error = io::Error, Future: Send> + Clone {
    service_fn(|_: u32| ready(Err(io::Error::other("down"))))
}

fn named() -> Fallback {
    Fallback::builder("prices").build().unwrap()
}

/// Calls with the unlucky number, which panics, and then with another.
async fn breaks_its_own_call_only(
    mut service: impl Service<u32, Response = u32, Error = io::Error>,
) {
    service.ready().await.unwrap();
    let broken = catch_unwind(AssertUnwindSafe(|| {
        task::spawn(service.call(UNLUCKY)).poll().is_ready()
    }));
    broken.unwrap_err();
    assert_eq!(service.oneshot(7).await.unwrap(), 1);
}

#[tokio::test]
async fn a_panicking_capture_breaks_its_own_call_only() {
    let layer = FallbackLayer::new(named());
    let layer = layer
        .capture(|n: &u32| assert!(*n != UNLUCKY, "unlucky"))
        .value(1);
    breaks_its_own_call_only(layer.layer(down())).await;
}

#[tokio::test]
async fn a_panicking_predicate_breaks_its_own_call_only_and_is_counted() {
    let prices = named();
    let picks = |failure: &Failure<u32, io::Error, u32>| {
        assert!(failure.captured != UNLUCKY, "unlucky");
        true
    };
    let layer = FallbackLayer::new(prices.clone()).capture(|n: &u32| *n);
    breaks_its_own_call_only(layer.when(picks, Value::new(1)).layer(down())).await;
    assert_eq!(prices.snapshot().handled(Handled::Panicked), 1);
}

#[tokio::test]
async fn a_panicking_classifier_breaks_its_own_call_only() {
    let judge = |result: Result<&u32, &io::Error>| match result {
        Ok(&UNLUCKY) => panic!("unlucky"),
        _ => Verdict::Failure,
    };
    let same = service_fn(|n: u32| ready(Ok::<_, io::Error>(n)));
    let layer = FallbackLayer::new(named()).classify(judge).value(1);
    breaks_its_own_call_only(layer.layer(same)).await;
}

#[tokio::test]
async fn an_answer_that_panics_while_it_is_made_is_counted() {
    let prices = named();
    let answer = async |failure: Failure<u32, io::Error, u32>| {
        tokio::task::yield_now().await;
        assert!(failure.captured != UNLUCKY, "unlucky");
        Ok::<_, io::Error>(1)
    };
    let layer = FallbackLayer::new(prices.clone()).capture(|n: &u32| *n);
    let service = layer.recover_async(answer).layer(down());
    let mut call = task::spawn(service.oneshot(UNLUCKY));
    assert_pending!(call.poll());
    catch_unwind(AssertUnwindSafe(|| call.poll())).unwrap_err();
    drop(call);
    let counted = prices.snapshot();
    assert_eq!(counted.handled(Handled::Panicked), 1);
    assert_eq!(counted.handled(Handled::Cancelled), 0);
}

#[tokio::test]
async fn the_failed_call_is_dropped_before_the_other_answer_is_made() {
    let permit = Arc::new(());
    let held = Arc::clone(&permit);
    let inner = service_fn(move |_: u32| {
        let held = Arc::clone(&held);
        std::future::poll_fn(move |_| {
            assert!(Arc::strong_count(&held) > 1);
            std::task::Poll::Ready(Err::<u32, _>(io::Error::other("down")))
        })
    });
    let seen = Arc::downgrade(&permit);
    let recover = move |_: Failure<u32, io::Error>| Ok::<_, io::Error>(seen.strong_count() as u32);
    let mut service = FallbackLayer::new(named()).recover(recover).layer(inner);
    // The test's and the service's; the call's own is gone.
    assert_eq!(service.call(1).await.unwrap(), 2);
}

#[tokio::test]
async fn an_answer_is_counted_and_done_with_when_it_is_there() {
    let prices = named();
    let permit = Arc::new(());
    let seen = Arc::downgrade(&permit);
    let answer = move |_: Failure<u32, io::Error>| {
        let held = seen.upgrade();
        std::future::poll_fn(move |_| {
            assert!(held.is_some());
            std::task::Poll::Ready(Ok::<_, io::Error>(1))
        })
    };
    let mut service = FallbackLayer::new(prices.clone())
        .recover_async(answer)
        .layer(down());
    let mut call = task::spawn(service.call(1));
    assert!(call.poll().is_ready());
    assert_eq!(prices.snapshot().handled(Handled::Answered), 1);
    assert_eq!(Arc::strong_count(&permit), 1, "the answer is still alive");
    drop(call);
    assert_eq!(prices.snapshot().handled(Handled::Answered), 1);
}

#[tokio::test]
async fn a_backup_that_is_cancelled_while_it_becomes_ready_is_released() {
    let (backup, mut handle) = mock::pair::<u32, u32>();
    handle.allow(0);
    let broken = service_fn(|_: u32| ready(Err::<u32, BoxError>("down".into())));
    let prices = named();
    let layer = FallbackLayer::boxed(prices.clone())
        .capture(|n: &u32| *n)
        .backup(backup);
    let service = layer.layer(broken);
    let mut first = task::spawn(service.clone().oneshot(1));
    assert_pending!(first.poll());
    drop(first);
    handle.allow(1);
    let mut second = task::spawn(service.oneshot(2));
    assert_pending!(second.poll());
    let (request, answer) = handle.next_request().await.unwrap();
    assert_eq!(request, 2, "the first was never sent");
    answer.send_response(3);
    assert_eq!(second.await.unwrap(), 3);
    assert_eq!(prices.snapshot().handled(Handled::Cancelled), 1);
}

#[tokio::test]
async fn a_backup_that_hangs_holds_up_nobody_else() {
    #[derive(Clone)]
    struct Hangs;
    impl Service<u32> for Hangs {
        type Response = u32;
        type Error = io::Error;
        type Future = std::pin::Pin<Box<dyn Future<Output = Result<u32, io::Error>> + Send>>;

        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<io::Result<()>> {
            std::task::Poll::Ready(Ok(()))
        }

        fn call(&mut self, n: u32) -> Self::Future {
            if n == UNLUCKY {
                Box::pin(pending())
            } else {
                Box::pin(ready(Ok(n)))
            }
        }
    }
    let layer = FallbackLayer::new(named())
        .capture(|n: &u32| *n)
        .backup(Hangs);
    let service = layer.layer(down());
    let mut hangs = task::spawn(service.clone().oneshot(UNLUCKY));
    assert_pending!(hangs.poll());
    assert_eq!(service.oneshot(7).await.unwrap(), 7);
}

#[tokio::test]
async fn a_failing_backup_is_the_result() {
    let worse = service_fn(|_: u32| ready(Err::<u32, _>(io::Error::other("worse"))));
    let prices = named();
    let layer = FallbackLayer::new(prices.clone())
        .capture(|n: &u32| *n)
        .backup(worse);
    let error = layer.layer(down()).oneshot(1).await.unwrap_err();
    assert_eq!(error.to_string(), "worse");
    assert_eq!(prices.snapshot().handled(Handled::Failed), 1);
}

#[tokio::test]
async fn every_end_is_counted_under_its_own_name() {
    let recorded = Recorded::new();
    let prices = named();
    let recover = |failure: Failure<u32, io::Error, u32>| match failure.captured {
        0 => Ok(1),
        UNLUCKY => panic!("unlucky"),
        _ => Err(io::Error::other("worse")),
    };
    let layer = FallbackLayer::new(prices.clone())
        .capture(|n: &u32| *n)
        .when(
            |failure: &Failure<u32, io::Error, u32>| failure.captured != 5,
            watertight_fallback::Recover::new(recover),
        );
    let service = layer.layer(down());
    recorded.during(|| {
        for n in [0, 1, 5] {
            assert!(task::spawn(service.clone().oneshot(n)).poll().is_ready());
        }
        let mut call = task::spawn(service.clone().oneshot(UNLUCKY));
        catch_unwind(AssertUnwindSafe(|| call.poll())).unwrap_err();
    });
    let seen = recorded.take();
    for (outcome, times) in [
        ("answered", 1.0),
        ("failed", 1.0),
        ("passed", 1.0),
        ("panicked", 1.0),
        ("cancelled", 0.0),
    ] {
        let counter = format!("fallback_total{{name=prices,cause=error,outcome={outcome}}}");
        assert_eq!(seen[&counter], times, "{outcome}");
    }
}

#[tokio::test]
async fn a_registry_takes_a_name_once_and_shows_causes_and_ends() {
    let registry = Registry::new();
    let build = || Fallback::builder("prices").register(&registry).build();
    let prices = build().unwrap();
    assert_eq!(build().unwrap_err().field(), "name");
    let service = FallbackLayer::new(prices).value(1).layer(down());
    service.clone().oneshot(1).await.unwrap();
    let seen = &registry.snapshots()[0];
    assert_eq!((seen.kind, seen.name.as_str()), ("fallback", "prices"));
    assert_eq!(seen.field("error"), Some(&Field::Count(1)));
    assert_eq!(seen.field("answered"), Some(&Field::Count(1)));
    assert_eq!(seen.field("refused"), Some(&Field::Count(0)));
    drop(service);
    assert!(registry.snapshots().is_empty());
}
