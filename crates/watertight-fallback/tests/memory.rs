//! The last good response: which, for whom, how many, for how long.
#![cfg(feature = "http")]

use std::{
    future::ready,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::advance;
use tower::{Layer, Service, ServiceExt, service_fn};
use watertight_fallback::{Fallback, FallbackLayer, Only, Stale, StaleKey, Value, http::HttpStale};

const MINUTE: Duration = Duration::from_secs(60);

type Down = Arc<AtomicBool>;

fn shop(down: &Down) -> impl Service<u32, Response = String, Error = io::Error> + Clone + use<> {
    let down = Arc::clone(down);
    service_fn(move |n: u32| {
        ready(if down.load(Ordering::SeqCst) {
            Err(io::Error::other("down"))
        } else {
            Ok("rose".repeat(n as usize))
        })
    })
}

fn layer() -> FallbackLayer {
    FallbackLayer::new(Fallback::default())
}

#[tokio::test(start_paused = true)]
async fn a_response_is_young_enough_up_to_its_maximum_age_and_not_after() {
    let down = Down::default();
    let stale = Stale::builder(MINUTE).build().unwrap();
    let service = layer()
        .capture(|n: &u32| *n)
        .stale(stale)
        .layer(shop(&down));
    service.clone().oneshot(1).await.unwrap();
    down.store(true, Ordering::SeqCst);
    advance(MINUTE).await;
    assert_eq!(service.clone().oneshot(1).await.unwrap(), "rose");
    advance(Duration::from_millis(1)).await;
    service.oneshot(1).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_is_not_remembered_as_a_good_one() {
    let down = Down::default();
    let stale = Stale::builder(MINUTE).build().unwrap();
    let service = layer()
        .capture(|n: &u32| *n)
        .stale(stale)
        .layer(shop(&down));
    service.clone().oneshot(1).await.unwrap();
    down.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        advance(MINUTE / 2).await;
        service.clone().oneshot(1).await.unwrap();
    }
    advance(MINUTE / 2).await;
    service.oneshot(1).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn no_more_keys_are_remembered_than_there_is_room_for() {
    let stale = Stale::builder(MINUTE).max_keys(10).build().unwrap();
    let service = layer()
        .capture(|n: &u32| *n)
        .stale(stale.clone())
        .layer(shop(&Down::default()));
    for n in 0..1_000 {
        service.clone().oneshot(n).await.unwrap();
    }
    assert_eq!(stale.keys(), 10);
    assert_eq!(stale.peek(&999), None, "no other key's answer");
    advance(MINUTE * 2).await;
    service.oneshot(999).await.unwrap();
    assert!(stale.peek(&999).is_some(), "the idle ones made room");
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_too_heavy_is_not_remembered() {
    let stale = Stale::builder(MINUTE)
        .max_size(8, String::len)
        .build()
        .unwrap();
    let service = layer()
        .capture(|n: &u32| *n)
        .stale(stale.clone())
        .layer(shop(&Down::default()));
    for n in [2, 3] {
        service.clone().oneshot(n).await.unwrap();
    }
    assert_eq!(
        (stale.peek(&2).is_some(), stale.peek(&3).is_some()),
        (true, false)
    );
}

#[tokio::test(start_paused = true)]
async fn a_young_response_stays_in_place_until_it_is_to_be_refreshed() {
    let stale = Stale::builder(MINUTE)
        .refresh_after(MINUTE / 2)
        .build()
        .unwrap();
    let counting = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let inner = service_fn(move |_: u32| {
        ready(Ok::<_, io::Error>(counting.fetch_add(1, Ordering::SeqCst)))
    });
    let service = layer()
        .capture(|_: &u32| ())
        .stale(stale.clone())
        .layer(inner);
    let mut seen = Vec::new();
    for _ in 0..4 {
        service.clone().oneshot(1).await.unwrap();
        seen.push(stale.peek(&()).unwrap());
        advance(MINUTE / 4).await;
    }
    assert_eq!(seen, [0, 0, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_key_is_neither_remembered_nor_answered() {
    let down = Down::default();
    let stale: Stale<u32, String> = Stale::builder(MINUTE).build().unwrap();
    let even = |n: &u32| n.is_multiple_of(2).then_some(*n);
    let service = layer()
        .capture(even)
        .stale(stale.clone())
        .layer(shop(&down));
    service.clone().oneshot(1).await.unwrap();
    assert_eq!(stale.keys(), 0);
    service.clone().oneshot(2).await.unwrap();
    down.store(true, Ordering::SeqCst);
    service.clone().oneshot(1).await.unwrap_err();
    service.oneshot(2).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_captured_can_be_more_than_the_key() {
    struct Captured {
        key: u32,
        tenant: &'static str,
    }
    impl StaleKey<u32> for Captured {
        fn stale_key(&self) -> Option<&u32> {
            (self.tenant == "ours").then_some(&self.key)
        }
    }
    let stale: Stale<u32, String> = Stale::builder(MINUTE).build().unwrap();
    let capture = |n: &u32| Captured {
        key: *n,
        tenant: "ours",
    };
    let service = layer()
        .capture(capture)
        .stale(stale.clone())
        .layer(shop(&Down::default()));
    service.oneshot(1).await.unwrap();
    assert!(stale.peek(&1).is_some());
}

#[tokio::test(start_paused = true)]
async fn it_can_remember_every_good_response_and_answer_some_failures_only() {
    let down = Down::default();
    let stale = Stale::builder(MINUTE).build().unwrap();
    let service = layer()
        .capture(|n: &u32| *n)
        .remember(stale.clone())
        .when(Only::refusals(), stale)
        .when(Only::errors(), Value::new("sorry".to_owned()))
        .layer(shop(&down));
    service.clone().oneshot(1).await.unwrap();
    down.store(true, Ordering::SeqCst);
    assert_eq!(service.oneshot(1).await.unwrap(), "sorry");
}

#[test]
fn a_memory_that_makes_no_sense_names_its_field() {
    let ms = Duration::from_millis;
    let stale = |age| Stale::<(), u32>::builder(age);
    for (field, error) in [
        ("max_age", stale(Duration::ZERO).build::<u32>().unwrap_err()),
        (
            "max_age",
            stale(Duration::from_micros(999))
                .build::<u32>()
                .unwrap_err(),
        ),
        (
            "max_keys",
            stale(MINUTE).max_keys(0).build::<u32>().unwrap_err(),
        ),
        (
            "refresh_after",
            stale(MINUTE)
                .refresh_after(MINUTE)
                .build::<u32>()
                .unwrap_err(),
        ),
        (
            "refresh_after",
            stale(ms(1))
                .refresh_after(Duration::MAX)
                .build::<u32>()
                .unwrap_err(),
        ),
        (
            "max_age",
            HttpStale::<()>::builder(Duration::ZERO)
                .build::<u32>()
                .unwrap_err(),
        ),
    ] {
        assert_eq!(error.field(), field, "{error}");
    }
    assert_eq!(Fallback::builder("").build().unwrap_err().field(), "name");
}

#[tokio::test(start_paused = true)]
async fn an_age_without_end_is_allowed() {
    let down = Down::default();
    let stale = Stale::builder(Duration::MAX).max_keys(1).build().unwrap();
    let service = layer()
        .capture(|n: &u32| *n)
        .stale(stale)
        .layer(shop(&down));
    service.clone().oneshot(1).await.unwrap();
    service.clone().oneshot(2).await.unwrap();
    down.store(true, Ordering::SeqCst);
    advance(MINUTE * 1_000_000).await;
    service.clone().oneshot(1).await.unwrap();
    service.oneshot(2).await.unwrap_err();
}
