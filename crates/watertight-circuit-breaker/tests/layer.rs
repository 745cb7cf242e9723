//! The circuit breaker in front of tower services and real HTTP servers.

use std::{
    convert::Infallible,
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, handler::Handler, http::StatusCode, routing::get};
use futures::future::join_all;
use tokio::{net::TcpListener, time::advance};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_test::mock;
use watertight_circuit_breaker::{
    Cancelled, CircuitBreaker, CircuitBreakerBuilder, CircuitBreakerLayer, State, Window,
};
use watertight_core::{BoxError, Error, Errors, KeyLimits, Reason, Rejected, Verdict};

const WAIT: Duration = Duration::from_secs(5);

fn builder() -> CircuitBreakerBuilder {
    CircuitBreaker::builder("payments")
        .window(Window::calls(3))
        .probes(1)
}

fn fails() -> impl Service<(), Response = (), Error = std::io::Error, Future: Send> + Clone {
    service_fn(async |(): ()| Err::<(), _>(std::io::Error::other("down")))
}

#[tokio::test(start_paused = true)]
async fn a_failing_service_opens_it_and_is_then_left_alone() {
    let breaker = builder().build().unwrap();
    let mut service = CircuitBreakerLayer::new(breaker.clone()).layer(fails());
    for _ in 0..3 {
        let error = service.ready().await.unwrap().call(()).await.unwrap_err();
        assert!(matches!(error, Error::Inner(_)));
    }
    let error = service.ready().await.unwrap().call(()).await.unwrap_err();
    let why = error.rejected().unwrap();
    assert_eq!(
        (why.by, why.reason, why.retry_after),
        ("payments", Reason::Open, Some(WAIT))
    );
}

#[tokio::test(start_paused = true)]
async fn an_inner_service_that_is_never_ready_is_not_polled_while_open() {
    let breaker = builder().build().unwrap();
    let layer = CircuitBreakerLayer::boxed(breaker.clone());
    let (mut service, mut handle) = mock::spawn_layer::<(), (), _>(layer);
    handle.allow(0);
    assert_pending!(service.poll_ready());
    breaker.force_open("maintenance");
    assert_ready_ok!(service.poll_ready());
    let mut refused = task::spawn(service.call(()));
    assert_ready_err!(refused.poll());
    assert_eq!(breaker.snapshot().counts.refused, 1);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_closes_between_readiness_and_call_still_refuses_that_call() {
    let breaker = builder().build().unwrap();
    breaker.force_open("maintenance");
    let layer = CircuitBreakerLayer::boxed(breaker.clone());
    let (mut service, mut handle) = mock::spawn_layer::<(), (), _>(layer);
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    breaker.reset();
    let refused = assert_ready_err!(task::spawn(service.call(())).poll());
    let why = Rejected::find(&*refused).unwrap();
    assert_eq!(why.reason, Reason::ForcedOpen, "as it was found then");
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(()));
    assert_pending!(call.poll());
    handle.next_request().await.unwrap().1.send_response(());
    assert_ready_ok!(call.poll());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_was_readied_for_a_probe_is_probed() {
    let breaker = builder().build().unwrap();
    let layer = CircuitBreakerLayer::new(breaker.clone());
    let mut service = layer.layer(service_fn(async |ok: bool| ok.then_some(()).ok_or(Failed)));
    for _ in 0..3 {
        service
            .ready()
            .await
            .unwrap()
            .call(false)
            .await
            .unwrap_err();
    }
    advance(WAIT).await;
    service.ready().await.unwrap().call(true).await.unwrap();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn panics_open_it_and_leave_no_slot_behind() {
    let breaker = builder().build().unwrap();
    let service = CircuitBreakerLayer::new(breaker.clone());
    let service = service.layer(service_fn(async |(): ()| -> Result<(), Infallible> {
        panic!("bug")
    }));
    let panics = || {
        let mut call = task::spawn(service.clone().oneshot(()));
        catch_unwind(AssertUnwindSafe(|| call.poll())).is_err()
    };
    assert!(panics() && panics() && panics());
    assert_eq!(breaker.state(), State::Open);
    advance(WAIT).await;
    assert!(panics(), "the probe");
    assert_eq!(
        (breaker.state(), breaker.snapshot().probes.out),
        (State::Open, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_panicking_classifier_gives_a_probe_its_slot_back() {
    let breaker = builder().build().unwrap();
    (0..3).for_each(|_| breaker.try_acquire().unwrap().failure());
    advance(WAIT).await;
    let broken = |_: Result<&(), &Infallible>| -> Verdict { panic!("broken classifier") };
    let layer = CircuitBreakerLayer::new(breaker.clone()).classify(broken);
    let service = layer.layer(service_fn(async |(): ()| Ok::<_, Infallible>(())));
    for _ in 0..10 {
        let mut call = task::spawn(service.clone().oneshot(()));
        assert!(catch_unwind(AssertUnwindSafe(|| call.poll())).is_err());
    }
    assert_eq!(
        (breaker.state(), breaker.snapshot().probes.out),
        (State::HalfOpen, 0)
    );
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_at_any_moment_gives_its_slot_back() {
    let breaker = builder().build().unwrap();
    (0..3).for_each(|_| breaker.try_acquire().unwrap().failure());
    advance(WAIT).await;
    let hangs = service_fn(|(): ()| pending::<Result<(), Infallible>>());
    let mut service = CircuitBreakerLayer::new(breaker.clone()).layer(hangs);
    for polls in [0, 1, 2] {
        let mut call = task::spawn(service.ready().await.unwrap().call(()));
        (0..polls).for_each(|_| assert_pending!(call.poll()));
        assert_eq!(breaker.snapshot().probes.out, 1);
        drop(call);
        assert_eq!(breaker.snapshot().probes.out, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_an_outer_timeout_cancels_count_as_the_policy_says() {
    for (policy, expected) in [
        (Cancelled::Never, State::Closed),
        (Cancelled::Always, State::Open),
    ] {
        let breaker = builder()
            .window(Window::calls(30))
            .cancelled(policy)
            .build()
            .unwrap();
        let hangs = service_fn(|(): ()| pending::<Result<(), Infallible>>());
        let service = CircuitBreakerLayer::new(breaker.clone()).layer(hangs);
        for _ in 0..30 {
            let call = tokio::time::timeout(WAIT / 100, service.clone().oneshot(()));
            assert!(call.await.is_err() || breaker.state() == State::Open);
        }
        assert_eq!(breaker.state(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn nested_circuits_do_not_count_a_refusal_twice() {
    let inner = CircuitBreaker::builder("inner")
        .window(Window::calls(3))
        .build()
        .unwrap();
    let outer = CircuitBreaker::builder("outer")
        .window(Window::calls(100))
        .build()
        .unwrap();
    let service = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(outer.clone()))
        .layer(CircuitBreakerLayer::new(inner))
        .service(fails());
    for _ in 0..50 {
        service.clone().oneshot(()).await.unwrap_err();
    }
    let counts = outer.snapshot().counts;
    assert_eq!(
        (outer.state(), counts.failures, counts.ignored),
        (State::Closed, 3, 47)
    );
}

#[tokio::test(start_paused = true)]
async fn each_key_has_a_circuit_of_its_own() {
    let hosts = builder()
        .keyed::<&'static str>(KeyLimits::default())
        .unwrap();
    let layer = CircuitBreakerLayer::keyed(hosts.clone(), |host: &&'static str| *host);
    let service = layer.layer(service_fn(async |host: &'static str| match host {
        "dead" => Err(Failed),
        _ => Ok(()),
    }));
    for _ in 0..10 {
        let _ = service.clone().oneshot("dead").await;
        service.clone().oneshot("alive").await.unwrap();
    }
    assert_eq!(hosts.get(&"dead").state(), State::Open);
    assert_eq!(hosts.get(&"alive").state(), State::Closed);
    assert_eq!(hosts.get(&"dead").snapshot().counts.refused, 7);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_held_open_is_not_forgotten() {
    let limits = KeyLimits::new("hosts", 1, Duration::from_secs(1)).unwrap();
    let hosts = builder().keyed::<u32>(limits).unwrap();
    hosts.get(&1).force_open("maintenance");
    advance(WAIT).await;
    hosts.get(&2);
    assert_eq!(hosts.get(&1).state(), State::ForcedOpen);
    assert_eq!(hosts.overflowed(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_with_a_call_under_way_is_not_forgotten() {
    let limits = KeyLimits::new("hosts", 1, Duration::from_secs(1)).unwrap();
    let hosts = builder().keyed::<u32>(limits).unwrap();
    let call = hosts.get(&1).try_acquire().unwrap();
    advance(WAIT).await;
    hosts.get(&2);
    assert_eq!((hosts.peek(&1).is_some(), hosts.overflowed()), (true, 1));
    call.success();
    advance(WAIT).await;
    hosts.get(&2);
    assert_eq!((hosts.peek(&1).is_some(), hosts.overflowed()), (false, 1));
}

#[tokio::test(start_paused = true)]
async fn it_fits_services_whose_readiness_matters() {
    let breaker = builder().build().unwrap();
    let answer = || service_fn(async |(): ()| Ok::<_, Infallible>(()));
    let limited = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(breaker.clone()))
        .concurrency_limit(1)
        .service(answer());
    let buffered = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::boxed(breaker.clone()))
        .buffer(1)
        .rate_limit(1, Duration::from_millis(1))
        .service(answer());
    for _ in 0..20 {
        limited.clone().oneshot(()).await.unwrap();
        buffered.clone().oneshot(()).await.unwrap();
    }
    assert_eq!(breaker.snapshot().counts.successes, 40);
}

#[tokio::test]
async fn one_circuit_serves_all_connections_of_a_router_and_of_a_handler() {
    for through_handler in [false, true] {
        let (breaker, reached) = (builder().build().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&reached);
        let fails = move || async move {
            counted.fetch_add(1, Ordering::SeqCst);
            StatusCode::INTERNAL_SERVER_ERROR
        };
        let layer = CircuitBreakerLayer::for_http(breaker.clone());
        let app = if through_handler {
            Router::new().route("/", get(fails.layer(layer)))
        } else {
            Router::new().route("/", get(fails)).layer(layer)
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, app).await });
        // A client each, so a connection each.
        let clients: Vec<_> = (0..20).map(|_| reqwest::Client::new()).collect();
        let mut statuses = Vec::new();
        for client in clients.iter().cycle().take(60) {
            statuses.push(client.get(&url).send().await.unwrap().status().as_u16());
        }
        let concurrent = join_all(clients.iter().map(|client| client.get(&url).send())).await;
        assert!(
            concurrent
                .into_iter()
                .all(|response| response.unwrap().status() == 503)
        );
        assert_eq!(
            reached.load(Ordering::SeqCst),
            3,
            "the window of three, and no call more"
        );
        assert_eq!(statuses[..3], [500; 3]);
        assert!(statuses[3..].iter().all(|status| *status == 503));
    }
}

#[test]
fn everything_can_be_shared_and_is_as_small_as_it_says() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    fn sent<T: Send>(_: &T) {}
    let breaker = builder().build().unwrap();
    assert_eq!(size_of_val(&breaker.try_acquire().unwrap()), 16);
    let inner = service_fn(|(): ()| std::future::ready(Ok::<_, BoxError>(())));
    let mut service = CircuitBreakerLayer::new(breaker)
        .classify(Errors::boxed())
        .layer(inner);
    shared(&service);
    sent(&service.call(()));
}

#[derive(Debug)]
struct Failed;

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("failed")
    }
}

impl std::error::Error for Failed {}
