//! Deadlines inside a process, on the wire, and over two real hops.
#![cfg(feature = "grpc")]

use std::{
    convert::Infallible,
    future::{pending, ready},
    net::SocketAddr,
    time::Duration,
};

use axum::{Router, body::Body, extract::Request, routing::get};
use http::{HeaderName, HeaderValue, Response};
use http_body_util::BodyExt;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use proptest::prelude::*;
use tokio::{
    net::TcpListener,
    time::{Instant, advance, sleep},
};
use tower::{Layer, ServiceExt, service_fn};
use watertight_core::{CurrentDeadline, Deadline, Reason};
use watertight_timeout::{
    ClientDeadlineLayer, DeadlineLayer, GrpcTimeout, Local, Millis, Phase, Timeout, Wire,
    format_grpc_timeout, parse_grpc_timeout,
};

const SECOND: Duration = Duration::from_secs(1);
const HEADER: &str = "x-request-timeout-ms";

fn request(header: &str, value: &str) -> Request {
    http::Request::builder()
        .header(header, value)
        .body(Body::empty())
        .unwrap()
}

/// Sends a request through the server layer; the time that the handler has left, or the status of the refusal.
async fn left(limit: Duration, request: Request) -> Result<Duration, u16> {
    let inner = service_fn(async |request: Request| {
        let carried = request.extensions().get::<Deadline>().copied();
        assert_eq!(carried, Deadline::current());
        let left = carried.unwrap().remaining();
        Ok::<_, Infallible>(
            Response::builder()
                .extension(left)
                .body(Body::empty())
                .unwrap(),
        )
    });
    let response = DeadlineLayer::for_http(limit)
        .layer(inner)
        .oneshot(request)
        .await
        .unwrap();
    response
        .extensions()
        .get::<Duration>()
        .copied()
        .ok_or(response.status().as_u16())
}

#[tokio::test(start_paused = true)]
async fn what_the_caller_has_left_can_only_shrink_here() {
    for (value, expected) in [
        ("250", Ok(Duration::from_millis(250))),
        ("60000", Ok(SECOND * 10)),
        ("9999999999999999999", Ok(SECOND * 10)),
        ("0", Err(504)),
        // What makes no sense is no deadline.
        ("", Ok(SECOND * 10)),
        ("-5", Ok(SECOND * 10)),
        ("+5", Ok(SECOND * 10)),
        ("1.5", Ok(SECOND * 10)),
        ("soon", Ok(SECOND * 10)),
        ("99999999999999999999", Ok(SECOND * 10)),
    ] {
        let seen = left(SECOND * 10, request(HEADER, value)).await;
        assert_eq!(seen, expected, "{value:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_done_by_its_deadline_is_given_up() {
    let total = Timeout::builder("total")
        .duration(SECOND * 10)
        .build()
        .unwrap();
    let inner = service_fn(|_: Request| pending::<Result<Response<Body>, Infallible>>());
    let service = DeadlineLayer::for_http(&total).layer(inner);
    let start = Instant::now();
    let response = service
        .clone()
        .oneshot(request(HEADER, "1500"))
        .await
        .unwrap();
    assert_eq!(
        (response.status().as_u16(), start.elapsed()),
        (504, Duration::from_millis(1_500))
    );
    let response = service.oneshot(request("x-other", "1500")).await.unwrap();
    assert_eq!(response.status(), 504);
    assert_eq!(total.snapshot().elapsed(Phase::Total), 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_inherits_the_deadline_and_sends_what_is_left() {
    let remote = service_fn(async |request: Request| {
        let sent = request.headers()[HEADER].to_str().unwrap().to_owned();
        Ok::<_, Infallible>(sent)
    });
    let client = ClientDeadlineLayer::http(Duration::MAX).layer(remote);
    let handler = service_fn(move |_: Request| {
        let client = client.clone();
        async move {
            advance(Duration::from_micros(300_500)).await;
            let sent = client.oneshot(request("x-other", "")).await.unwrap();
            Ok::<_, Infallible>(
                Response::builder()
                    .header("sent", sent)
                    .body(Body::empty())
                    .unwrap(),
            )
        }
    });
    let server = DeadlineLayer::for_http(SECOND * 10).layer(handler);
    let response = server.oneshot(request(HEADER, "1000")).await.unwrap();
    assert_eq!(response.headers()["sent"], "699", "rounded down");
}

#[tokio::test(start_paused = true)]
async fn a_header_that_is_already_there_is_never_made_longer() {
    let remote = service_fn(async |request: Request| {
        Ok::<_, Infallible>(request.headers()[HEADER].to_str().unwrap().to_owned())
    });
    let client = ClientDeadlineLayer::http(SECOND * 5).layer(remote);
    assert_eq!(
        client
            .clone()
            .oneshot(request(HEADER, "100"))
            .await
            .unwrap(),
        "100"
    );
    assert_eq!(
        client
            .clone()
            .oneshot(request(HEADER, "99999"))
            .await
            .unwrap(),
        "5000"
    );
    let mut tight = request("x-other", "");
    tight.extensions_mut().insert(Deadline::after(SECOND));
    assert_eq!(client.oneshot(tight).await.unwrap(), "1000");
}

#[tokio::test(start_paused = true)]
async fn a_call_for_which_nothing_is_left_is_not_made() {
    let remote = service_fn(|_: ()| -> std::future::Ready<Result<(), Infallible>> {
        unreachable!("nothing is left")
    });
    let client = ClientDeadlineLayer::new(Duration::MAX).layer(remote);
    let deadline = Deadline::after(SECOND);
    advance(SECOND).await;
    let error = deadline.scope(client.oneshot(())).await.unwrap_err();
    let why = error.rejected().unwrap();
    assert_eq!(why.reason, Reason::DeadlinePassed);
    assert!(!why.reason.attempted());
}

/// What a client sends along that has this much left, and whose attempts are given so much time, if they are.
async fn told(left: Duration, attempt: Option<Duration>) -> Option<String> {
    let remote = service_fn(async |request: Request| {
        let told = request.headers().get(HEADER).cloned();
        Ok::<_, Infallible>(told.map(|told| told.to_str().unwrap().to_owned()))
    });
    let layer = ClientDeadlineLayer::http(left);
    let layer = match attempt {
        Some(attempt) => layer.attempt(attempt),
        None => layer,
    };
    let client = layer.layer(remote);
    client.oneshot(request("x-other", "")).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_left_is_never_sent_as_nothing() {
    for (left, expected) in [
        (Duration::from_nanos(1), "1"),
        (Duration::from_micros(999), "1"),
        (Duration::from_micros(1_999), "1"),
        (Duration::from_micros(2_000), "2"),
    ] {
        assert_eq!(
            told(left, None).await.as_deref(),
            Some(expected),
            "{left:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_given_less_than_what_is_left_says_so() {
    let ms = Duration::from_millis;
    for (left, attempt, expected) in [
        (ms(500), ms(200), "200"),
        (ms(200), ms(500), "200"),
        (Duration::MAX, ms(500), "500"),
        (ms(500), Duration::MAX, "500"),
        (ms(500), Duration::ZERO, "1"),
    ] {
        let told = told(left, Some(attempt)).await;
        assert_eq!(told.as_deref(), Some(expected), "{left:?}, {attempt:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_years_away_is_not_sent() {
    let day = SECOND * 86_400;
    assert_eq!(told(Duration::MAX, Some(Duration::MAX)).await, None);
    assert_eq!(told(day * 366, None).await, None);
    assert_eq!(told(day * 364, None).await.unwrap(), "31449600000");
    let handler = service_fn(async |_: Request| {
        let told = told(Duration::MAX, None).await;
        Ok::<_, Infallible>(Response::new(Body::from(told.unwrap_or_default())))
    });
    let server = DeadlineLayer::for_http(Duration::MAX).layer(handler);
    let response = server.oneshot(request("x-other", "")).await.unwrap();
    let told = response.into_body().collect().await.unwrap().to_bytes();
    assert!(told.is_empty(), "thirty years are inherited: {told:?}");
}

#[tokio::test(start_paused = true)]
async fn grpc_sends_the_attempt_and_no_years_either() {
    let remote = service_fn(async |request: Request| {
        let sent = request.headers().get("grpc-timeout").cloned();
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(sent);
        Ok::<_, Infallible>(response)
    });
    for (left, attempt, expected) in [
        (SECOND, Duration::from_millis(20), Some("20000000n")),
        (SECOND, Duration::ZERO, Some("1n")),
        (Duration::MAX, Duration::MAX, None),
    ] {
        let client = ClientDeadlineLayer::for_grpc(left).attempt(attempt);
        let asked = client.layer(remote).oneshot(request("x-other", ""));
        let response = asked.await.unwrap();
        let sent = response.extensions().get::<Option<HeaderValue>>().unwrap();
        let sent = sent.as_ref().map(|sent| sent.to_str().unwrap());
        assert_eq!(sent, expected, "{left:?}, {attempt:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ignores_callers_gives_all_of_them_its_own_time() {
    let inner = service_fn(async |request: Request| {
        let left = request.extensions().get::<Deadline>().unwrap().remaining();
        // Whoever passes the request on must not pass on what a stranger has asked for.
        Ok::<_, Infallible>((left, request.headers().contains_key(HEADER)))
    });
    let service = DeadlineLayer::new(SECOND * 10)
        .wire(Millis::default().ignore_callers())
        .layer(inner);
    for value in ["0", "1", "60000", "soon"] {
        let seen = service.clone().oneshot(request(HEADER, value)).await;
        assert_eq!(seen.unwrap(), (SECOND * 10, false), "{value}");
    }
    let mut inside = request(HEADER, "1");
    inside.extensions_mut().insert(Deadline::after(SECOND));
    let seen = service.oneshot(inside).await.unwrap();
    assert_eq!(seen, (SECOND, false), "what this process says counts");
}

#[tokio::test(start_paused = true)]
async fn without_any_deadline_nothing_is_sent_and_nothing_is_limited() {
    let remote = service_fn(async |request: Request| {
        Ok::<_, Infallible>(request.headers().contains_key(HEADER))
    });
    let client = ClientDeadlineLayer::http(Duration::MAX).layer(remote);
    assert!(!client.oneshot(request("x-other", "")).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_can_be_found_in_any_request_by_a_closure() {
    struct Job(Deadline);
    let inner = service_fn(|_: Job| ready(Ok::<_, Infallible>(Deadline::current())));
    let wire = Local(|job: &Job| Some(job.0));
    let service = DeadlineLayer::new(SECOND * 9).wire(wire).layer(inner);
    let job = Job(Deadline::after(SECOND));
    let expected = job.0;
    assert_eq!(service.oneshot(job).await.unwrap(), Some(expected));
    let _: Local<CurrentDeadline> = Local::default();
}

#[tokio::test(start_paused = true)]
async fn a_spawned_task_does_not_inherit_the_deadline() {
    let inner = service_fn(async |(): ()| {
        let spawned = tokio::spawn(async { Deadline::current() }).await.unwrap();
        Ok::<_, Infallible>((spawned, Deadline::current().is_some()))
    });
    let service = DeadlineLayer::new(SECOND).layer(inner);
    assert_eq!(service.oneshot(()).await.unwrap(), (None, true));
}

#[tokio::test(start_paused = true)]
async fn of_several_headers_the_shortest_counts() {
    for values in [["500", "100"], ["100", "500"], ["soon", "100"], ["100", ""]] {
        let mut request = request(HEADER, values[0]);
        let second = http::HeaderValue::from_static(values[1]);
        request.headers_mut().append(HEADER, second);
        let left = left(SECOND * 30, request).await;
        assert_eq!(left, Ok(Duration::from_millis(100)), "{values:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_header_can_carry_it() {
    let wire = Millis::header(HeaderName::from_static("x-left"));
    let inner = service_fn(async |request: Request| {
        Ok::<_, Infallible>(request.extensions().get::<Deadline>().unwrap().remaining())
    });
    let service = DeadlineLayer::new(SECOND * 9).wire(wire).layer(inner);
    assert_eq!(
        service.oneshot(request("x-left", "7")).await.unwrap(),
        Duration::from_millis(7)
    );
}

#[tokio::test(start_paused = true)]
async fn grpc_reads_and_writes_its_own_header() {
    let inner = service_fn(async |request: Request| {
        let mut next = http::Request::new(());
        let left = request.extensions().get::<Deadline>().unwrap().remaining();
        GrpcTimeout.write(&mut next, left);
        let sent = next.headers()["grpc-timeout"].clone();
        Ok::<_, Infallible>(
            Response::builder()
                .header("sent", sent)
                .body(Body::empty())
                .unwrap(),
        )
    });
    let service = DeadlineLayer::for_grpc(SECOND * 10).layer(inner);
    let response = service
        .clone()
        .oneshot(request("grpc-timeout", "5S"))
        .await
        .unwrap();
    assert_eq!(response.headers()["sent"], "5000000u");
    let response = service
        .oneshot(request("grpc-timeout", "0n"))
        .await
        .unwrap();
    assert_eq!(
        (
            response.status().as_u16(),
            &response.headers()["grpc-status"]
        ),
        (200, &"4".parse().unwrap())
    );
}

#[tokio::test(start_paused = true)]
async fn the_error_of_a_client_that_minds_grpc_timeout_itself_is_the_deadline() {
    let minds = service_fn(async |request: Request| {
        let sent = request.headers()["grpc-timeout"].as_bytes();
        sleep(parse_grpc_timeout(sent).unwrap()).await;
        Err::<Response<Body>, _>(std::io::Error::other("it gave up"))
    });
    let limit = Timeout::builder("health").duration(SECOND).build().unwrap();
    let service = ClientDeadlineLayer::for_grpc(limit.clone()).layer(minds);
    let response = service.oneshot(Request::new(Body::empty())).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "4");
    assert_eq!(limit.snapshot().elapsed(Phase::Total), 1);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_a_grpc_client_has_before_the_deadline_is_its_own() {
    let fails = service_fn(async |_: Request| {
        sleep(SECOND - Duration::from_millis(2)).await;
        Err::<Response<Body>, _>(std::io::Error::other("no route"))
    });
    let service = ClientDeadlineLayer::for_grpc(SECOND).layer(fails);
    let error = service.oneshot(Request::new(Body::empty())).await;
    assert_eq!(error.unwrap_err().to_string(), "no route");
}

#[test]
fn grpc_timeouts_are_read_as_the_protocol_has_them() {
    for (value, expected) in [
        ("1n", Some(Duration::from_nanos(1))),
        ("99999999u", Some(Duration::from_micros(99_999_999))),
        ("250m", Some(Duration::from_millis(250))),
        ("00000003S", Some(SECOND * 3)),
        ("2M", Some(SECOND * 120)),
        ("99999999H", Some(SECOND * 3_600 * 99_999_999)),
        ("123456789S", None),
        ("S", None),
        ("", None),
        ("5", None),
        ("5s", None),
        ("-5S", None),
        ("5 S", None),
        ("٣S", None),
    ] {
        assert_eq!(parse_grpc_timeout(value.as_bytes()), expected, "{value:?}");
    }
}

#[test]
fn grpc_timeouts_roll_up_to_a_coarser_unit_when_they_get_too_long() {
    for (left, expected) in [
        (Duration::ZERO, "0n"),
        (Duration::from_nanos(99_999_999), "99999999n"),
        (Duration::from_nanos(100_000_000), "100000u"),
        (SECOND * 99, "99000000u"),
        (SECOND * 100, "100000m"),
        (SECOND * 100_000, "100000S"),
        (SECOND * 100_000_000, "1666666M"),
        (Duration::MAX, "99999999H"),
    ] {
        assert_eq!(format_grpc_timeout(left), expected);
    }
}

proptest! {
    #[test]
    fn a_grpc_timeout_never_grows_on_its_way(seconds: u64, nanos in 0..1_000_000_000_u32) {
        let left = Duration::new(seconds, nanos);
        let sent = format_grpc_timeout(left);
        let received = parse_grpc_timeout(sent.as_bytes()).unwrap();
        prop_assert!(received <= left);
        prop_assert!(sent.len() <= 9);
    }

    #[test]
    fn reading_a_hostile_header_never_panics(value in prop::collection::vec(any::<u8>(), 0..30)) {
        let _ = parse_grpc_timeout(&value);
        if let Ok(value) = http::HeaderValue::from_bytes(&value) {
            let mut request = http::Request::new(());
            request.headers_mut().insert(HEADER, value);
            let _ = Wire::read(&Millis::default(), &request);
        }
    }
}

#[tokio::test]
async fn a_deadline_shrinks_over_two_real_hops() {
    let last = Router::new()
        .route("/", get(async || left_now()))
        .layer(DeadlineLayer::for_http(SECOND * 60));
    let last = serve(last).await;
    let middle = get(move || async move {
        let here = left_now();
        let further = ask(last, None).await;
        format!("{here} {further}")
    });
    let middle = Router::new()
        .route("/", middle)
        .layer(DeadlineLayer::for_http(SECOND * 60));
    let answer = ask(serve(middle).await, Some(30_000)).await;
    let left: Vec<u128> = answer
        .split(' ')
        .map(|left| left.parse().unwrap())
        .collect();
    assert!(left[0] <= 30_000_000 && left[1] <= left[0], "{answer}");
}

/// The microseconds that are left for the running handler.
fn left_now() -> String {
    Deadline::current()
        .unwrap()
        .remaining()
        .as_micros()
        .to_string()
}

async fn ask(address: SocketAddr, limit: Option<u64>) -> String {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let limit = limit.map_or(Duration::MAX, Duration::from_millis);
    let client = ClientDeadlineLayer::http(limit).layer(client);
    let request = http::Request::get(format!("http://{address}/"))
        .body(Body::empty())
        .unwrap();
    let response = client.oneshot(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, app).await });
    address
}
