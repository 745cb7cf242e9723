//! Which failures get another answer, and which one.

use std::{
    convert::Infallible,
    future::{Pending, pending, ready},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::advance;
use tokio_test::{assert_pending, task};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_test::mock;
use watertight_core::{BoxError, Error, Reason, Rejected, Verdict};
use watertight_fallback::{
    Cause, CauseKind, Failure, Fallback, FallbackLayer, Handled, Only, Stale, Value,
};

const SECOND: Duration = Duration::from_secs(1);

fn down() -> impl Service<u32, Response = u32, Error = io::Error, Future: Send> + Clone {
    service_fn(async |_: u32| Err::<u32, _>(io::Error::other("down")))
}

fn layer() -> FallbackLayer {
    FallbackLayer::new(Fallback::default())
}

#[tokio::test]
async fn a_good_response_is_left_alone() {
    let prices = Fallback::builder("prices").build().unwrap();
    let service = FallbackLayer::new(prices.clone())
        .value(0)
        .layer(service_fn(async |n: u32| Ok::<_, io::Error>(n)));
    assert_eq!(service.oneshot(7).await.unwrap(), 7);
    assert_eq!(prices.snapshot().handled(Handled::Answered), 0);
}

#[tokio::test]
async fn an_error_is_answered_with_the_value_and_counted_by_cause() {
    let prices = Fallback::builder("prices").build().unwrap();
    let mut events = prices.subscribe();
    let service = FallbackLayer::new(prices.clone()).value(3).layer(down());
    assert_eq!(service.oneshot(7).await.unwrap(), 3);
    assert_eq!(prices.snapshot().handled(Handled::Answered), 1);
    let fell = events.try_next().unwrap().unwrap().kind;
    assert_eq!(
        (fell.cause.kind(), fell.handled),
        (CauseKind::Error, Handled::Answered)
    );
}

#[tokio::test]
async fn a_refusal_of_a_layer_further_in_is_answered_as_such() {
    let refused = service_fn(async |_: u32| {
        Err::<u32, Error<io::Error>>(Error::Rejected(Rejected::new("payments", Reason::Open)))
    });
    let causes = |cause: Cause| match cause {
        Cause::Refused(why) => why.by.len() as u32,
        _ => 0,
    };
    assert_eq!(
        layer()
            .respond_with(causes)
            .layer(refused)
            .oneshot(1)
            .await
            .unwrap(),
        8
    );
}

#[tokio::test]
async fn a_response_that_is_classified_as_a_failure_is_answered() {
    let odd = |result: Result<&u32, &Infallible>| match result {
        Ok(n) if n % 2 == 1 => Verdict::Failure,
        _ => Verdict::Success,
    };
    let same = service_fn(async |n: u32| Ok::<_, Infallible>(n));
    let service = layer().classify(odd).value(100).layer(same);
    assert_eq!(service.clone().oneshot(2).await.unwrap(), 2);
    assert_eq!(service.oneshot(3).await.unwrap(), 100);
}

#[tokio::test]
async fn what_an_answer_needs_of_the_request_is_captured_and_the_request_is_not_cloned() {
    struct Order(u32);
    let down = service_fn(async |_: Order| Err::<u32, _>(io::Error::other("down")));
    let twice = |failure: Failure<u32, io::Error, u32>| Ok::<_, io::Error>(failure.captured * 2);
    let service = layer()
        .capture(|order: &Order| order.0)
        .recover(twice)
        .layer(down);
    assert_eq!(service.oneshot(Order(21)).await.unwrap(), 42);
}

#[tokio::test]
async fn an_action_that_fails_too_is_the_result() {
    let worse = async |_: Failure<u32, io::Error>| Err::<u32, _>(io::Error::other("worse"));
    let prices = Fallback::builder("prices").build().unwrap();
    let service = FallbackLayer::new(prices.clone())
        .recover_async(worse)
        .layer(down());
    assert_eq!(service.oneshot(1).await.unwrap_err().to_string(), "worse");
    assert_eq!(prices.snapshot().handled(Handled::Failed), 1);
}

#[tokio::test]
async fn a_failure_that_no_strategy_picks_passes_untouched() {
    let prices = Fallback::builder("prices").build().unwrap();
    let layer = FallbackLayer::new(prices.clone()).when(Only::refusals(), Value::new(1));
    assert_eq!(
        layer
            .layer(down())
            .oneshot(1)
            .await
            .unwrap_err()
            .to_string(),
        "down"
    );
    assert_eq!(prices.snapshot().handled(Handled::Passed), 1);
}

#[tokio::test]
async fn the_first_strategy_that_applies_answers_and_the_others_are_not_called() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let skipped = service_fn(move |_: ()| {
        counted.fetch_add(1, Ordering::SeqCst);
        ready(Ok::<_, io::Error>(9))
    });
    let service = layer()
        .when(Only::timeouts(), Value::new(1))
        .when(Only::errors(), Value::new(2))
        .backup(skipped)
        .layer(down());
    assert_eq!(service.oneshot(1).await.unwrap(), 2);
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_backup_is_readied_before_it_is_called() {
    let (backup, mut handle) = mock::pair::<u32, u32>();
    handle.allow(0);
    let down = service_fn(async |_: u32| Err::<u32, BoxError>("down".into()));
    let layer = FallbackLayer::boxed(Fallback::default())
        .capture(|n: &u32| *n)
        .backup(backup);
    let mut call = task::spawn(layer.layer(down).oneshot(7));
    assert_pending!(call.poll());
    handle.allow(1);
    assert!(call.is_woken());
    assert_pending!(call.poll());
    let (request, answer) = handle.next_request().await.unwrap();
    assert_eq!(request, 7);
    answer.send_response(8);
    assert_eq!(call.await.unwrap(), 8);
}

#[tokio::test]
async fn a_backup_that_cannot_become_ready_says_so() {
    let (backup, mut handle) = mock::pair::<u32, u32>();
    handle.send_error("no replica");
    let down = service_fn(async |_: u32| Err::<u32, BoxError>("down".into()));
    let layer = FallbackLayer::boxed(Fallback::default())
        .capture(|n: &u32| *n)
        .backup(backup);
    let error = layer.layer(down).oneshot(7).await.unwrap_err();
    assert_eq!(error.to_string(), "no replica");
}

#[tokio::test]
async fn a_cancelled_call_gets_no_answer_and_a_cancelled_answer_is_counted() {
    let prices = Fallback::builder("prices").build().unwrap();
    let hangs = service_fn(|_: u32| pending::<Result<u32, io::Error>>());
    let mut call = task::spawn(
        FallbackLayer::new(prices.clone())
            .value(1)
            .layer(hangs)
            .oneshot(1),
    );
    assert_pending!(call.poll());
    drop(call);
    assert_eq!(prices.snapshot().handled(Handled::Cancelled), 0);
    let never = |_: Failure<u32, io::Error>| -> Pending<Result<u32, io::Error>> { pending() };
    let layer = FallbackLayer::new(prices.clone()).recover_async(never);
    let mut call = task::spawn(layer.layer(down()).oneshot(1));
    assert_pending!(call.poll());
    drop(call);
    assert_eq!(prices.snapshot().handled(Handled::Cancelled), 1);
}

#[tokio::test]
async fn a_panicking_action_breaks_its_own_call_only() {
    let prices = Fallback::builder("prices").build().unwrap();
    let picky = |failure: Failure<u32, io::Error, u32>| {
        assert!(failure.captured != 13, "unlucky");
        Ok::<_, io::Error>(failure.captured)
    };
    let layer = FallbackLayer::new(prices.clone())
        .capture(|n: &u32| *n)
        .recover(picky);
    let service = layer.layer(down());
    let mut call = task::spawn(service.clone().oneshot(13));
    assert!(catch_unwind(AssertUnwindSafe(|| call.poll())).is_err());
    assert_eq!(service.oneshot(12).await.unwrap(), 12);
    assert_eq!(prices.snapshot().handled(Handled::Panicked), 1);
}

#[tokio::test(start_paused = true)]
async fn the_last_good_response_answers_until_it_is_too_old() {
    let healthy = Arc::new(AtomicUsize::new(1));
    let seen = Arc::clone(&healthy);
    let shop = service_fn(move |flower: &'static str| {
        let up = seen.load(Ordering::SeqCst) == 1;
        ready(if up {
            Ok(format!("{flower}: 3"))
        } else {
            Err(io::Error::other("down"))
        })
    });
    let stale = Stale::builder(SECOND * 60).max_keys(2).build().unwrap();
    let service = layer()
        .capture(|flower: &&'static str| *flower)
        .stale(stale)
        .layer(shop);
    service.clone().oneshot("rose").await.unwrap();
    healthy.store(0, Ordering::SeqCst);
    assert_eq!(service.clone().oneshot("rose").await.unwrap(), "rose: 3");
    assert!(
        service.clone().oneshot("tulip").await.is_err(),
        "never seen"
    );
    advance(SECOND * 61).await;
    assert!(service.oneshot("rose").await.is_err(), "too old");
}

#[tokio::test]
async fn an_error_of_becoming_ready_is_final() {
    let (mut service, mut handle) =
        mock::spawn_layer::<u32, u32, _>(FallbackLayer::boxed(Fallback::default()).value(1));
    handle.send_error("gone");
    assert!(matches!(
        service.poll_ready(),
        std::task::Poll::Ready(Err(_))
    ));
}

#[test]
fn services_and_futures_are_shared_and_sent_when_the_inner_ones_are() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    fn sent<T: Send>(_: &T) {}
    let mut service = layer()
        .value(1)
        .layer(service_fn(|n: u32| ready(Ok::<_, io::Error>(n))));
    shared(&service);
    sent(&service.call(1));
}
