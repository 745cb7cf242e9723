//! Bytes on the heap per breaker.

use allocation_counter::measure;
use tower::{Layer, Service};
use watertight_benches::{
    lab::{Lab, Place},
    ours::{NEVER, breaker},
    row::{Figures, Row},
    service::Answers,
    subject::OURS,
    target::Target::{self, AtMost},
};
use watertight_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Window};
use watertight_core::stripe_count;
use watertight_peers::peers::{failsafe, recloser, seatbelt, tower_resilience};

/// Calls that a window of time holds.
const SOME: u64 = 10_000;
const MANY: u64 = 40_000;

type Measure = fn(&Lab, String) -> Vec<Row>;

const CASES: [(&str, Measure); 5] = [
    ("breaker, memory, window of 100 calls", hundred),
    ("breaker, memory, window of 10 000 calls", ten_thousand),
    ("breaker, memory, window of time", time),
    ("breaker, memory, window of time, per further call", further),
    ("breaker, memory, per further thread", thread),
];

pub(crate) fn rows(lab: &Lab, wants: impl Fn(&str) -> bool) -> Vec<Row> {
    let wanted = CASES.iter().filter(|(name, _)| wants(name));
    wanted
        .flat_map(|(name, measure)| measure(lab, (*name).to_owned()))
        .collect()
}

fn hundred(lab: &Lab, case: String) -> Vec<Row> {
    let resilience = || tower_resilience::breaker(tower_resilience::builder()).layer(Answers);
    let figures = [
        (OURS, bytes(lab, 200, || ours(Window::calls(100)))),
        (recloser::NAME, bytes(lab, 200, || recloser::over(100))),
        (tower_resilience::NAME, bytes(lab, 200, resilience)),
    ];
    // Each core beyond the second has a slot for its stripe.
    let slots = 16 * stripe_count().saturating_sub(2);
    told(case, "bytes", figures, AtMost((512 + slots) as f64))
}

fn ten_thousand(lab: &Lab, case: String) -> Vec<Row> {
    let window = || tower_resilience::builder().sliding_window_size(10_000);
    let resilience = || tower_resilience::breaker(window()).layer(Answers);
    let figures = [
        (OURS, bytes(lab, 20_000, || ours(Window::calls(10_000)))),
        (
            recloser::NAME,
            bytes(lab, 20_000, || recloser::over(10_000)),
        ),
        (tower_resilience::NAME, bytes(lab, 20_000, resilience)),
    ];
    told(case, "bytes", figures, AtMost(3.0 * 1_024.0))
}

fn time(lab: &Lab, case: String) -> Vec<Row> {
    let shards = stripe_count().min(8);
    let case = format!("{case}, 10 000 calls in it, {shards} shards");
    told(
        case,
        "bytes",
        over_time(lab, SOME),
        AtMost((1_024 * shards) as f64),
    )
}

fn further(lab: &Lab, case: String) -> Vec<Row> {
    let (some, many) = (over_time(lab, SOME), over_time(lab, MANY));
    let mut figures = many;
    for ((_, many), (_, some)) in figures.iter_mut().zip(some) {
        *many = (*many - some) / (MANY - SOME) as f64;
    }
    told(case, "bytes", figures, AtMost(0.0))
}

/// What a thread makes at its first call.
fn thread(_: &Lab, case: String) -> Vec<Row> {
    let build = || breaker::builder().build().expect("the settings make sense");
    let (warm_up, breaker) = (build(), build());
    let call = |breaker: &CircuitBreaker| {
        breaker.try_acquire().expect("it is closed").success();
    };
    call(&breaker);
    let other = std::thread::spawn(move || {
        call(&warm_up);
        let made = measure(|| call(&breaker));
        (made.bytes_current, breaker)
    });
    let (bytes, _breaker) = other.join().expect("the thread does not panic");
    let figures = Figures {
        case,
        unit: "bytes",
        ours: Some(bytes as f64),
        ..Figures::default()
    };
    figures.rows(&[])
}

fn over_time(lab: &Lab, calls: u64) -> [(&'static str, f64); 4] {
    let resilience = || tower_resilience::time_window_service();
    [
        (OURS, bytes(lab, calls, || ours(Window::time(NEVER)))),
        (tower_resilience::NAME, bytes(lab, calls, resilience)),
        (
            seatbelt::NAME,
            bytes(lab, calls, || seatbelt::closed_service(lab)),
        ),
        (failsafe::NAME, bytes(lab, calls, failsafe::over_time)),
    ]
}

fn ours(
    window: Window,
) -> impl Service<u64, Response = u64, Future: Send> + Clone + Send + 'static {
    let breaker = breaker::builder().window(window).build();
    CircuitBreakerLayer::new(breaker.expect("the settings make sense")).layer(Answers)
}

/// What a breaker holds after so many calls of one thread; the service itself is not on the heap.
fn bytes<S>(lab: &Lab, calls: u64, make: impl Fn() -> S) -> f64
where
    S: Service<u64> + Clone + Send + 'static,
    S::Future: Send,
{
    let used = || {
        let service = make();
        lab.run(Place::One, &service, calls);
        service
    };
    // Names are interned once, and a thread's first call makes what is its own.
    drop(used());
    let mut kept = None;
    let made = measure(|| kept = Some(used()));
    made.bytes_current as f64
}

fn told<const N: usize>(
    case: String,
    unit: &'static str,
    figures: [(&'static str, f64); N],
    target: Target,
) -> Vec<Row> {
    let others = figures.iter().filter(|(name, _)| *name != OURS);
    let figures = Figures {
        case,
        unit,
        ours: figures
            .iter()
            .find(|(name, _)| *name == OURS)
            .map(|(_, value)| *value),
        peers: others
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect(),
        floor: None,
        discounted: None,
    };
    figures.rows(&[target])
}
