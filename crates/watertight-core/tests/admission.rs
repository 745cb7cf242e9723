//! What the one admission service promises to every layer made of it.

mod support;

use std::{
    cell::Cell,
    convert::Infallible,
    future::{Ready, pending, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use support::{Ended, Gate};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_test::mock;
use watertight_core::{AdmissionLayer, BoxError, Classify, Error, Errors, Rejected, Verdict};

#[tokio::test]
async fn a_refusal_is_typed_and_names_who_refused() {
    let gate = Gate::default();
    gate.shut(true);
    let service =
        AdmissionLayer::new(gate).layer(service_fn(async |(): ()| Ok::<_, Infallible>(())));
    let error = service.oneshot(()).await.unwrap_err();
    assert_eq!(error.rejected().unwrap().by, "gate");
}

#[tokio::test]
async fn the_instance_that_was_polled_ready_is_called() {
    let layer = AdmissionLayer::new(Gate::default()).classify(Errors::boxed());
    let (mut service, mut handle) = mock::spawn_layer::<&str, &str, _>(layer);
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    // Sticky: the mock would panic if it were polled for a second slot, and would say Pending.
    assert_ready_ok!(service.poll_ready());
    let mut answer = task::spawn(service.call("ping"));
    assert_pending!(answer.poll());
    let (request, respond) = handle.next_request().await.unwrap();
    assert_eq!(request, "ping");
    respond.send_response("pong");
    assert_eq!(assert_ready_ok!(answer.poll()), "pong");
}

#[tokio::test]
async fn readiness_is_asked_for_once_per_call() {
    struct Asked(usize);
    impl Service<()> for Asked {
        type Response = usize;
        type Error = Infallible;
        type Future = Ready<Result<usize, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            self.0 += 1;
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            ready(Ok(self.0))
        }
    }
    let mut service = AdmissionLayer::new(Gate::default()).layer(Asked(0));
    for asked in 1..4 {
        service.ready().await.unwrap();
        service.ready().await.unwrap();
        assert_eq!(service.call(()).await.unwrap(), asked);
    }
}

#[tokio::test]
async fn a_shut_gate_does_not_poll_the_inner_service_and_refuses_in_call() {
    let gate = Gate::default();
    gate.shut(true);
    let layer = AdmissionLayer::new(gate.clone()).classify(Errors::boxed());
    let (mut service, mut handle) = mock::spawn_layer::<&str, &str, _>(layer);
    handle.allow(0);
    assert_ready_ok!(service.poll_ready());
    // It opens now, but the inner service was not readied.
    gate.shut(false);
    let mut answer = task::spawn(service.call("ping"));
    let error = assert_ready_err!(answer.poll());
    assert!(matches!(error, Error::Rejected(_)), "{error:?}");
}

#[tokio::test]
async fn an_error_of_the_inner_service_becoming_ready_is_preserved() {
    let layer = AdmissionLayer::new(Gate::default()).classify(Errors::boxed());
    let (mut service, mut handle) = mock::spawn_layer::<&str, &str, _>(layer);
    handle.send_error("gone");
    let error = assert_ready_err!(service.poll_ready());
    assert_eq!(error.into_inner().unwrap().to_string(), "gone");
}

#[tokio::test]
async fn a_clone_shares_the_handle_but_not_the_readiness() {
    let layer = AdmissionLayer::new(Gate::default()).classify(Errors::boxed());
    let (mut service, mut handle) = mock::spawn_layer::<&str, &str, _>(layer);
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    handle.allow(0);
    assert_ready_ok!(service.poll_ready());
    let mut clone = task::spawn(service.into_inner().clone());
    let polled = clone.enter(|cx, mut service| service.poll_ready(cx));
    assert_pending!(polled);
}

#[tokio::test]
async fn a_dropped_call_is_cancelled_and_gives_its_permit_back() {
    let gate = Gate::default();
    let service = service_fn(|(): ()| pending::<Result<(), Infallible>>());
    let mut service = AdmissionLayer::new(gate.clone()).layer(service);
    for polls in 0..2 {
        let mut call = task::spawn(service.ready().await.unwrap().call(()));
        for _ in 0..polls {
            assert_pending!(call.poll());
        }
        assert_eq!(gate.out(), 1);
        drop(call);
        assert_eq!(gate.out(), 0);
    }
    assert_eq!(gate.ended(), [Ended::Cancelled, Ended::Cancelled]);
}

#[tokio::test]
async fn a_service_that_is_ready_holds_no_permit() {
    let gate = Gate::default();
    let service = service_fn(async |(): ()| Ok::<_, Infallible>(()));
    let mut service = AdmissionLayer::new(gate.clone()).layer(service);
    service.ready().await.unwrap();
    assert_eq!(gate.out(), 0);
}

#[tokio::test]
async fn a_permit_ends_with_the_response_and_not_with_its_future() {
    let gate = Gate::default();
    let service = service_fn(async |fails: bool| if fails { Err("down") } else { Ok(()) });
    let judge = |result: Result<&(), &&str>| match result {
        Ok(()) => Verdict::Success,
        Err(_) => Verdict::Failure,
    };
    let mut service = AdmissionLayer::new(gate.clone())
        .classify(judge)
        .layer(service);
    for fails in [false, true] {
        let mut call = task::spawn(service.ready().await.unwrap().call(fails));
        assert!(call.poll().is_ready());
        assert_eq!(gate.out(), 0, "the future is still there");
    }
    let ended = [Verdict::Success, Verdict::Failure].map(Ended::With);
    assert_eq!(gate.ended(), ended);
}

#[tokio::test]
async fn a_refusal_does_not_use_up_readiness() {
    let gate = Gate::default();
    let layer = AdmissionLayer::new(gate.clone()).classify(Errors::boxed());
    let (mut service, mut handle) = mock::spawn_layer::<&str, &str, _>(layer);
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    gate.shut(true);
    assert_ready_err!(task::spawn(service.call("ping")).poll());
    gate.shut(false);
    // The mock allows no second slot: the first one must still be held.
    assert_ready_ok!(service.poll_ready());
    let mut answer = task::spawn(service.call("ping"));
    assert_pending!(answer.poll());
    handle.next_request().await.unwrap().1.send_response("pong");
    assert_eq!(assert_ready_ok!(answer.poll()), "pong");
}

#[tokio::test]
async fn an_inner_service_that_is_not_ready_is_not_polled_in_a_loop() {
    let layer = AdmissionLayer::new(Gate::default()).classify(Errors::boxed());
    let (mut service, mut handle) = mock::spawn_layer::<(), (), _>(layer);
    handle.allow(0);
    assert_pending!(service.poll_ready());
    assert!(!service.is_woken());
    handle.allow(1);
    assert!(service.is_woken());
    assert_ready_ok!(service.poll_ready());
}

#[tokio::test]
async fn an_inner_service_need_be_neither_clone_nor_send_nor_static() {
    let calls = Cell::new(0);
    let once = Rc::new(String::from("petals"));
    let service = service_fn(move |(): ()| {
        calls.set(calls.get() + 1);
        let once = Rc::clone(&once);
        async move { Ok::<_, Infallible>(once.len()) }
    });
    let borrowed = &mut { service };
    let service = AdmissionLayer::new(Gate::default()).layer(borrowed);
    assert_eq!(service.oneshot(()).await.unwrap(), 6);
}

#[tokio::test]
async fn a_classifier_that_panics_over_when_to_come_back_breaks_its_own_call_only() {
    #[derive(Clone)]
    struct Broken;
    impl Classify<(), &str> for Broken {
        fn classify(&self, _: Result<&(), &&str>) -> Verdict {
            Verdict::Failure
        }

        fn retry_after(&self, _: Result<&(), &&str>) -> Option<Duration> {
            panic!("broken classifier")
        }
    }
    let gate = Gate::default();
    let service = service_fn(async |(): ()| Err::<(), _>("down"));
    let service = AdmissionLayer::new(gate.clone())
        .classify(Broken)
        .layer(service);
    let mut call = task::spawn(service.oneshot(()));
    assert!(catch_unwind(AssertUnwindSafe(|| call.poll())).is_err());
    assert_eq!(gate.ended(), [Ended::With(Verdict::Ignore)]);
}

#[tokio::test]
async fn a_panic_in_call_and_in_poll_is_a_failure() {
    let gate = Gate::default();
    let in_call =
        service_fn(|(): ()| -> std::future::Ready<Result<(), Infallible>> { panic!("in call") });
    let in_poll = service_fn(async |(): ()| -> Result<(), Infallible> { panic!("in poll") });
    let layer = AdmissionLayer::new(gate.clone());
    let mut service = layer.layer(in_call);
    service.ready().await.unwrap();
    let unwound = catch_unwind(AssertUnwindSafe(|| service.call(())));
    assert!(unwound.is_err());
    let mut call = task::spawn(layer.layer(in_poll).oneshot(()));
    let unwound = catch_unwind(AssertUnwindSafe(|| call.poll()));
    assert!(unwound.is_err());
    // Ended by the panic itself: the future is still alive.
    assert_eq!(gate.ended(), [Ended::With(Verdict::Failure); 2]);
}

#[tokio::test]
async fn a_panicking_classifier_breaks_its_own_call_only() {
    let gate = Gate::default();
    let broken = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&broken);
    let classify = move |_: Result<&(), &Infallible>| {
        assert!(!seen.load(Ordering::SeqCst), "broken classifier");
        Verdict::Success
    };
    let service = service_fn(async |(): ()| Ok::<_, Infallible>(()));
    let service = AdmissionLayer::new(gate.clone())
        .classify(classify)
        .layer(service);
    let mut call = task::spawn(service.clone().oneshot(()));
    assert!(catch_unwind(AssertUnwindSafe(|| call.poll())).is_err());
    assert_eq!(gate.ended(), [Ended::With(Verdict::Ignore)]);
    broken.store(false, Ordering::SeqCst);
    service.oneshot(()).await.unwrap();
    assert_eq!(gate.out(), 0);
}

#[tokio::test]
async fn what_was_refused_comes_back_uncloned() {
    struct Order(&'static str);
    let gate = Gate::default();
    gate.shut(true);
    let service = AdmissionLayer::new(gate)
        .respond_with_request(|why: Rejected, order: Order| {
            format!("{} queued {}", why.by, order.0)
        })
        .layer(service_fn(async |_: Order| {
            Ok::<_, Infallible>(String::new())
        }));
    assert_eq!(
        service.oneshot(Order("roses")).await.unwrap(),
        "gate queued roses"
    );
}

#[tokio::test]
async fn a_boxed_layer_keeps_the_boxed_error() {
    let gate = Gate::default();
    let service = service_fn(async |(): ()| Err::<(), BoxError>("broken".into()));
    let service = AdmissionLayer::boxed(gate.clone()).layer(service);
    let error = service.clone().oneshot(()).await.unwrap_err();
    assert_eq!(error.to_string(), "broken");
    gate.shut(true);
    let error = service.oneshot(()).await.unwrap_err();
    assert_eq!(Rejected::find(&*error).unwrap().by, "gate");
}

#[tokio::test]
async fn fail_with_turns_a_refusal_into_the_users_error() {
    #[derive(Debug, PartialEq)]
    enum Mine {
        Busy,
        Io,
    }
    impl From<std::io::Error> for Mine {
        fn from(_: std::io::Error) -> Self {
            Self::Io
        }
    }
    let gate = Gate::default();
    let service = service_fn(async |(): ()| Err::<(), _>(std::io::Error::other("broken")));
    let layer = AdmissionLayer::new(gate.clone()).fail_with(|_| Mine::Busy);
    let service = layer.layer(service);
    assert_eq!(service.clone().oneshot(()).await, Err(Mine::Io));
    gate.shut(true);
    assert_eq!(service.oneshot(()).await, Err(Mine::Busy));
}

#[test]
fn services_and_futures_are_send_when_the_inner_ones_are() {
    fn service<T: Clone + Send + Sync + 'static>(_: &T) {}
    fn future<T: Send>(_: &T) {}
    let inner = service_fn(|(): ()| std::future::ready(Ok::<_, Infallible>(())));
    let mut layered = AdmissionLayer::new(Gate::default()).layer(inner);
    service(&layered);
    future(&layered.call(()));
}
