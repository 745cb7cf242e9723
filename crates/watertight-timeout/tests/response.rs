//! The time from the call to the head of the response.

use std::{
    convert::Infallible,
    future::{pending, poll_fn, ready},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use tokio::time::{Instant, advance, sleep};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_test::mock;
use watertight_core::{BoxError, Classify, Errors, Reason, Registry, Rejected, Verdict};
use watertight_timeout::{Phase, Timeout, TimeoutEvent, TimeoutLayer};

const SECOND: Duration = Duration::from_secs(1);

fn hangs() -> impl Service<(), Response = (), Error = Infallible, Future: Send> + Clone {
    service_fn(|(): ()| pending::<Result<(), Infallible>>())
}

#[tokio::test(start_paused = true)]
async fn too_late_is_a_typed_refusal_that_names_who_gave_up() {
    let payments = Timeout::builder("payments")
        .duration(SECOND)
        .build()
        .unwrap();
    let service = TimeoutLayer::new(payments.clone()).layer(hangs());
    let start = Instant::now();
    let error = service.oneshot(()).await.unwrap_err();
    let why = error.rejected().unwrap();
    assert_eq!(
        (why.by, why.reason, start.elapsed()),
        ("payments", Reason::TimedOut, SECOND)
    );
    assert!(why.reason.attempted());
    assert_eq!(payments.snapshot().elapsed(Phase::Response), 1);
}

#[tokio::test(start_paused = true)]
async fn time_runs_from_the_call_however_late_it_is_polled() {
    let mut service = TimeoutLayer::new(SECOND).layer(hangs());
    let call = service.ready().await.unwrap().call(());
    advance(SECOND).await;
    let mut call = task::spawn(call);
    assert_ready_err!(call.poll());
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_ready_when_time_is_up_is_a_response() {
    for duration in [SECOND, Duration::ZERO] {
        let inner = service_fn(move |(): ()| async move {
            sleep(duration).await;
            Ok::<_, Infallible>("on time")
        });
        let service = TimeoutLayer::new(duration).layer(inner);
        let mut call = task::spawn(service.oneshot(()));
        if call.poll().is_pending() {
            advance(duration).await;
            assert_eq!(assert_ready_ok!(call.poll()), "on time");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_ready_response_passes_a_timeout_of_zero_and_a_pending_one_does_not() {
    let done = service_fn(|(): ()| ready(Ok::<_, Infallible>(())));
    TimeoutLayer::new(Duration::ZERO)
        .layer(done)
        .oneshot(())
        .await
        .unwrap();
    let mut late = task::spawn(TimeoutLayer::new(Duration::ZERO).layer(hangs()).oneshot(()));
    assert_ready_err!(late.poll());
}

#[test]
fn a_response_that_is_there_at_once_needs_no_timer() {
    let done = service_fn(|(): ()| ready(Ok::<_, Infallible>(())));
    let mut call = task::spawn(TimeoutLayer::new(SECOND).layer(done).oneshot(()));
    assert_ready_ok!(call.poll());
}

#[tokio::test(start_paused = true)]
async fn durations_without_end_never_give_up() {
    let mut call = task::spawn(TimeoutLayer::new(Duration::MAX).layer(hangs()).oneshot(()));
    assert_pending!(call.poll());
    advance(SECOND * 86_400 * 365).await;
    assert_pending!(call.poll());
}

#[tokio::test(start_paused = true)]
async fn the_inner_future_is_dropped_as_soon_as_time_is_up() {
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let inner = service_fn(move |(): ()| {
        let held = Arc::clone(&held);
        async move {
            pending::<()>().await;
            drop(held);
            Ok::<_, Infallible>(())
        }
    });
    let mut service = TimeoutLayer::new(SECOND).layer(inner);
    let mut call = task::spawn(service.call(()));
    assert_pending!(call.poll());
    assert_eq!(Arc::strong_count(&alive), 3);
    advance(SECOND).await;
    assert_ready!(call.poll()).unwrap_err();
    assert_eq!(
        Arc::strong_count(&alive),
        2,
        "the call itself is still alive"
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_is_no_timeout() {
    let payments = Timeout::builder("payments")
        .duration(SECOND)
        .build()
        .unwrap();
    let mut call = task::spawn(
        TimeoutLayer::new(payments.clone())
            .layer(hangs())
            .oneshot(()),
    );
    assert_pending!(call.poll());
    drop(call);
    advance(SECOND * 2).await;
    assert_eq!(payments.snapshot().elapsed_in_all(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_readiness_is_outside() {
    let (mut service, mut handle) = mock::spawn_layer::<(), (), _>(TimeoutLayer::boxed(SECOND));
    handle.allow(0);
    assert_pending!(service.poll_ready());
    advance(SECOND * 60).await;
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(()));
    assert_pending!(call.poll());
    handle.next_request().await.unwrap().1.send_response(());
    assert_ready_ok!(call.poll());
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_readiness_is_a_phase_of_its_own() {
    let payments = Timeout::builder("payments")
        .duration(SECOND)
        .build()
        .unwrap();
    let layer = TimeoutLayer::new(payments.clone()).with_readiness(SECOND * 2);
    let never_ready = tower::util::BoxCloneService::new(NeverReady);
    let start = Instant::now();
    let error = layer.layer(never_ready).oneshot(()).await.unwrap_err();
    let why = *error.rejected().unwrap();
    assert_eq!((why.by, why.reason), ("payments", Reason::NotReady));
    assert!(!why.reason.attempted(), "nothing was sent");
    assert_eq!(
        Errors::new().classify(Err::<&(), _>(&error)),
        Verdict::Failure
    );
    assert_eq!(start.elapsed(), SECOND * 2);
    assert_eq!(payments.snapshot().elapsed(Phase::Readiness), 1);
    let start = Instant::now();
    layer.layer(hangs()).oneshot(()).await.unwrap_err();
    assert_eq!(start.elapsed(), SECOND);
    assert_eq!(payments.snapshot().elapsed(Phase::Response), 1);
}

#[tokio::test(start_paused = true)]
async fn each_request_can_have_a_duration_of_its_own() {
    let inner = service_fn(async |_: u64| {
        sleep(SECOND * 3).await;
        Ok::<_, Infallible>(())
    });
    let per_request =
        |factor: &u64, usual: Duration| (*factor > 0).then(|| usual * (*factor as u32));
    let service = TimeoutLayer::new(SECOND)
        .per_request(per_request)
        .layer(inner);
    assert!(service.clone().oneshot(1).await.is_err());
    assert!(service.clone().oneshot(4).await.is_ok());
    assert!(service.oneshot(0).await.is_ok(), "without limit");
}

#[tokio::test(start_paused = true)]
async fn the_answer_is_what_the_user_makes_of_it() {
    let service = TimeoutLayer::new(SECOND)
        .respond_with(|_: Rejected| ())
        .layer(hangs());
    service.oneshot(()).await.unwrap();
    let service = TimeoutLayer::new(SECOND)
        .fail_with(BoxError::from)
        .layer(hangs());
    let error = service.oneshot(()).await.unwrap_err();
    assert_eq!(Rejected::find(&*error).unwrap().by, "timeout");
    let broken = service_fn(async |(): ()| Err::<(), BoxError>("broken".into()));
    let error = TimeoutLayer::boxed(SECOND)
        .layer(broken)
        .oneshot(())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "broken");
}

#[tokio::test(start_paused = true)]
async fn a_new_duration_holds_for_the_calls_that_start_then() {
    let payments = Timeout::builder("payments")
        .duration(SECOND * 10)
        .build()
        .unwrap();
    let mut events = payments.subscribe();
    let service = TimeoutLayer::new(&payments).layer(hangs());
    let start = Instant::now();
    let before = tokio::spawn(service.clone().oneshot(()));
    tokio::task::yield_now().await;
    payments.set(SECOND);
    service.oneshot(()).await.unwrap_err();
    assert_eq!(start.elapsed(), SECOND);
    before.await.unwrap().unwrap_err();
    assert_eq!(start.elapsed(), SECOND * 10);
    let change = TimeoutEvent::Changed {
        from: SECOND * 10,
        to: SECOND,
    };
    let changed = events.try_next().unwrap().unwrap();
    assert_eq!((changed.kind, changed.generation), (change, 1));
    let elapsed = TimeoutEvent::Elapsed {
        phase: Phase::Response,
    };
    assert_eq!(events.try_next().unwrap().unwrap().kind, elapsed);
}

#[tokio::test(start_paused = true)]
async fn an_inner_timeout_leaves_the_outer_one_its_time() {
    let inner = TimeoutLayer::new(SECOND)
        .respond_with(|_| ())
        .layer(hangs());
    let twice = service_fn(move |(): ()| {
        let (one, two) = (inner.clone(), inner.clone());
        async move {
            one.oneshot(()).await?;
            two.oneshot(()).await
        }
    });
    TimeoutLayer::new(SECOND * 3)
        .layer(twice)
        .oneshot(())
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_wakes_once_and_does_not_poll_without_need() {
    let polls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&polls);
    let inner = service_fn(move |(): ()| {
        let counted = Arc::clone(&counted);
        poll_fn(move |_| {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Poll::<Result<(), Infallible>>::Pending
        })
    });
    TimeoutLayer::new(SECOND)
        .layer(inner)
        .oneshot(())
        .await
        .unwrap_err();
    assert_eq!(
        polls.load(std::sync::atomic::Ordering::SeqCst),
        2,
        "at first, and when time is up"
    );
}

#[tokio::test(start_paused = true)]
async fn a_timeout_without_name_or_duration_is_refused() {
    let error = Timeout::builder("payments").build().unwrap_err();
    assert_eq!(error.field(), "duration");
    let error = Timeout::builder("").duration(SECOND).build().unwrap_err();
    assert_eq!(error.field(), "name");
    let registry = Registry::new();
    let build = || {
        Timeout::builder("payments")
            .duration(SECOND)
            .register(&registry)
            .build()
    };
    let _payments = build().unwrap();
    assert_eq!(build().unwrap_err().field(), "name");
}

#[test]
fn services_and_futures_are_shared_and_sent_when_the_inner_ones_are() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    fn sent<T: Send>(_: &T) {}
    let inner = service_fn(|(): ()| ready(Ok::<_, Infallible>(())));
    let mut service = TimeoutLayer::new(SECOND).layer(inner);
    shared(&service);
    sent(&service.call(()));
    let mut service = TimeoutLayer::new(SECOND)
        .with_readiness(SECOND)
        .layer(inner);
    shared(&service);
    sent(&service.call(()));
}

#[derive(Clone)]
struct NeverReady;

impl Service<()> for NeverReady {
    type Response = ();
    type Error = Infallible;
    type Future = std::future::Ready<Result<(), Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Pending
    }

    fn call(&mut self, (): ()) -> Self::Future {
        unreachable!("it is never ready")
    }
}
