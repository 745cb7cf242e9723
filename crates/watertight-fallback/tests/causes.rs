//! Why a call needs another answer, and which strategy is picked for it.
#![cfg(all(feature = "grpc", feature = "reqwest"))]

use std::{convert::Infallible, future::ready, io};

use http::{Response, StatusCode};
use tower::{Layer, Service, ServiceExt, service_fn};
use watertight_core::{
    BoxError, Error, Reason, Rejected, Verdict,
    http::{GrpcStatus, OwnBody, Problem},
};
use watertight_fallback::{
    Cause, CauseKind, Failure, Fallback, FallbackLayer, Handled, Made, Only, Value,
};

type Outcome = Result<u32, Error<io::Error>>;

/// A call that ends as the request says.
fn ends() -> impl Service<&'static str, Response = u32, Error = Error<io::Error>> + Clone {
    let refused = |reason| Err(Error::Rejected(Rejected::new("payments", reason)));
    service_fn(move |how: &'static str| {
        ready(match how {
            "refused" => refused(Reason::QueueFull),
            "timed out" => refused(Reason::TimedOut),
            "error" => Err(Error::Inner(io::Error::other("down"))),
            _ => Ok(500),
        })
    })
}

fn odd(result: Result<&u32, &Error<io::Error>>) -> Verdict {
    match result {
        Ok(200) => Verdict::Success,
        Err(Error::Rejected(why)) if !why.reason.attempted() => Verdict::Ignore,
        _ => Verdict::Failure,
    }
}

#[tokio::test]
async fn each_predicate_picks_its_own_cause_and_no_other() {
    let all = ["refused", "timed out", "error", "response"];
    for (only, picked) in [
        (Only::refusals(), vec!["refused"]),
        (Only::timeouts(), vec!["timed out"]),
        (Only::errors(), vec!["error"]),
        (Only::responses(), vec!["response"]),
        (
            Only::refusals().or(Only::timeouts()),
            vec!["refused", "timed out"],
        ),
    ] {
        let layer = FallbackLayer::new(Fallback::default()).classify(odd);
        let service = layer.when(only, Value::new(1)).layer(ends());
        let mut answered = Vec::new();
        for how in all {
            if matches!(service.clone().oneshot(how).await, Ok(1)) {
                answered.push(how);
            }
        }
        assert_eq!(answered, picked);
    }
}

#[tokio::test]
async fn a_closure_picks_by_error_response_and_what_was_captured() {
    let fallback = Fallback::builder("picky").build().unwrap();
    let picks = |failure: &Failure<u32, Error<io::Error>, usize>| match &failure.result {
        Ok(response) => *response == 500,
        Err(Error::Inner(_)) => failure.captured == "error".len(),
        Err(_) => false,
    };
    let service = FallbackLayer::new(fallback.clone())
        .classify(odd)
        .capture(|how: &&'static str| how.len())
        .when(picks, Value::new(1))
        .layer(ends());
    for how in ["response", "error"] {
        assert_eq!(service.clone().oneshot(how).await.unwrap(), 1);
    }
    let passed: Outcome = service.oneshot("refused").await;
    assert!(matches!(passed, Err(Error::Rejected(_))));
    let counted = fallback.snapshot();
    assert_eq!(counted.count(CauseKind::Refused, Handled::Passed), 1);
    assert_eq!(counted.count(CauseKind::Response, Handled::Answered), 1);
    assert_eq!(counted.caused_by(CauseKind::Error), 1);
}

#[tokio::test]
async fn a_success_that_is_no_success_to_the_classifier_is_ignored_without_a_refusal() {
    let ignore = |_: Result<&u32, &Error<io::Error>>| Verdict::Ignore;
    let service = FallbackLayer::new(Fallback::default())
        .classify(ignore)
        .value(1)
        .layer(ends());
    assert_eq!(service.clone().oneshot("response").await.unwrap(), 500);
    service.clone().oneshot("error").await.unwrap_err();
    assert_eq!(
        service.oneshot("refused").await.unwrap(),
        1,
        "there is no answer but this"
    );
}

fn answers(
    response: Response<OwnBody<String>>,
) -> impl Service<(), Response = Response<OwnBody<String>>, Error = Infallible> {
    let mut response = Some(response);
    service_fn(move |()| ready(Ok(response.take().unwrap())))
}

fn mark(cause: Cause) -> Response<OwnBody<String>> {
    Response::builder()
        .extension(cause)
        .body(OwnBody::default())
        .unwrap()
}

#[tokio::test]
async fn a_refusal_that_became_a_response_is_known_by_its_extensions() {
    for (reason, kind) in [
        (Reason::Open, CauseKind::Refused),
        (Reason::DeadlinePassed, CauseKind::Refused),
        (Reason::NotReady, CauseKind::Refused),
        (Reason::TimedOut, CauseKind::TimedOut),
    ] {
        let refused = Rejected::new("payments", reason);
        let http = FallbackLayer::for_http(Fallback::builder("http").build().unwrap());
        let http = http
            .respond_with(mark)
            .layer(answers(Problem::new().respond(refused)));
        let grpc = FallbackLayer::for_grpc(Fallback::builder("grpc").build().unwrap());
        let grpc = grpc
            .respond_with(mark)
            .layer(answers(GrpcStatus.respond(refused)));
        for (by, answer) in [
            ("http", http.oneshot(()).await),
            ("grpc", grpc.oneshot(()).await),
        ] {
            let answer = answer.unwrap();
            let made = answer.extensions().get::<Made>().unwrap();
            assert_eq!((made.by, made.cause.kind()), (by, kind));
            assert_eq!(made.cause.rejected(), Some(refused));
        }
    }
}

#[tokio::test]
async fn a_grpc_status_that_is_the_services_failure_gets_another_answer() {
    for (code, another) in [("0", false), ("5", false), ("13", true), ("14", true)] {
        let response = Response::builder().header("grpc-status", code);
        let inner = answers(response.body(OwnBody::default()).unwrap());
        let layer = FallbackLayer::for_grpc(Fallback::default()).respond_with(mark);
        let answer = layer.layer(inner).oneshot(()).await.unwrap();
        assert_eq!(
            answer.extensions().get::<Made>().is_some(),
            another,
            "{code}"
        );
    }
}

#[tokio::test]
async fn a_4xx_is_an_answer_and_a_5xx_is_not() {
    for (status, another) in [
        (StatusCode::NOT_FOUND, false),
        (StatusCode::BAD_GATEWAY, true),
    ] {
        let response = Response::builder()
            .status(status)
            .body(OwnBody::default())
            .unwrap();
        let layer = FallbackLayer::for_http(Fallback::default()).respond_with(mark);
        let answer = layer.layer(answers(response)).oneshot(()).await.unwrap();
        assert_eq!(
            answer.extensions().get::<Made>().is_some(),
            another,
            "{status}"
        );
        assert_eq!(
            answer.extensions().get::<Cause>().is_some(),
            another,
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_500_that_reqwest_calls_a_success_gets_another_answer() {
    let respond = |status: u16| {
        let response = Response::builder().status(status).body("").unwrap();
        reqwest::Response::from(response)
    };
    let inner = service_fn(move |status: u16| ready(Ok::<_, reqwest::Error>(respond(status))));
    let layer = FallbackLayer::for_http(Fallback::default()).respond_with(move |_| respond(203));
    for (status, seen) in [(200, 200), (404, 404), (500, 203)] {
        let answer = layer.layer(inner).oneshot(status).await.unwrap();
        assert_eq!(answer.status().as_u16(), seen);
        assert_eq!(answer.extensions().get::<Made>().is_some(), seen == 203);
    }
}

#[tokio::test]
async fn a_boxed_error_is_looked_into() {
    let refused = Rejected::new("payments", Reason::Full);
    let deep = service_fn(move |()| ready(Err::<u32, BoxError>(io::Error::other(refused).into())));
    let by_cause = |cause: Cause| u32::from(cause == Cause::Refused(refused));
    let layer = FallbackLayer::boxed(Fallback::default()).respond_with(by_cause);
    assert_eq!(layer.layer(deep).oneshot(()).await.unwrap(), 1);
}
