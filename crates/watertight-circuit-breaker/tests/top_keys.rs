//! What a recorder is shown of the few keys that matter.
#![cfg(feature = "metrics")]

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::advance;
use watertight_circuit_breaker::CircuitBreaker;
use watertight_core::{KeyLimits, Keyed, MAX_KEY_LABEL, TopKeys};
use watertight_testing::Recorded;

const IDLE: Duration = Duration::from_secs(60);

type Hosts = Keyed<String, CircuitBreaker>;

/// Room for so many hosts.
fn hosts(most: usize) -> Hosts {
    let limits = KeyLimits::new("hosts", most, IDLE).unwrap();
    let hosts = CircuitBreaker::builder("hosts")
        .consecutive_failures(100)
        .no_failure_rate();
    hosts.keyed(limits).unwrap()
}

fn top(hosts: &Hosts, most: usize) -> TopKeys<String, CircuitBreaker> {
    TopKeys::new(hosts.clone(), most, |host| host.snapshot().counts.failures)
}

fn fail(hosts: &Hosts, host: &str, times: usize) {
    for _ in 0..times {
        let host = hosts.get_or_own(host, || host.to_owned());
        host.try_acquire().unwrap().failure();
    }
}

fn failures(seen: &BTreeMap<String, f64>, host: &str) -> Option<f64> {
    let name = format!("circuit_breaker_key_calls_total{{name=hosts,key={host},outcome=failure}}");
    seen.get(&name).copied()
}

fn state(seen: &BTreeMap<String, f64>, host: &str, state: &str) -> Option<f64> {
    let name = format!("circuit_breaker_key_state{{name=hosts,key={host},state={state}}}");
    seen.get(&name).copied()
}

fn left_out(seen: &BTreeMap<String, f64>) -> f64 {
    seen["top_keys_left_out{kind=circuit_breaker,name=hosts}"]
}

#[tokio::test(start_paused = true)]
async fn the_keys_of_which_there_is_most_to_say_are_shown_and_the_others_counted() {
    let (recorded, hosts) = (Recorded::new(), hosts(10));
    for (host, times) in [("a", 3), ("b", 9), ("c", 5), ("quiet", 0)] {
        fail(&hosts, host, times);
    }
    hosts
        .get(&"quiet".to_owned())
        .try_acquire()
        .unwrap()
        .success();
    hosts.get(&"b".to_owned()).force_open("maintenance");
    let report = recorded.during(|| top(&hosts, 2).report());
    assert_eq!((report.shown, report.left_out, report.ever), (2, 1, 2));
    let seen = recorded.take();
    assert_eq!(failures(&seen, "b"), Some(9.0));
    assert_eq!(failures(&seen, "c"), Some(5.0));
    assert_eq!(
        (failures(&seen, "a"), failures(&seen, "quiet")),
        (None, None)
    );
    assert_eq!(state(&seen, "b", "forced_open"), Some(1.0));
    assert_eq!(state(&seen, "b", "closed"), Some(0.0));
    assert_eq!(state(&seen, "c", "closed"), Some(1.0));
    let shown = seen["top_keys_shown{kind=circuit_breaker,name=hosts}"];
    assert_eq!((shown, left_out(&seen)), (2.0, 1.0));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_has_nothing_to_say_leaves_its_place_free() {
    let (recorded, hosts) = (Recorded::new(), hosts(10));
    fail(&hosts, "a", 1);
    let well = hosts.get(&"well".to_owned());
    well.try_acquire().unwrap().success();
    let report = recorded.during(|| top(&hosts, 5).report());
    assert_eq!((report.shown, report.left_out), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn counters_go_up_by_what_came_since_the_last_report() {
    let (recorded, hosts) = (Recorded::new(), hosts(10));
    let top = top(&hosts, 5);
    let reported = |times| {
        fail(&hosts, "a", times);
        recorded.during(|| top.report());
        failures(&recorded.take(), "a").unwrap()
    };
    assert_eq!([reported(2), reported(3), reported(0)], [2.0, 3.0, 0.0]);
}

#[tokio::test(start_paused = true)]
async fn a_key_keeps_its_place_when_there_is_more_to_say_of_another() {
    let (recorded, hosts) = (Recorded::new(), hosts(10));
    let top = top(&hosts, 1);
    fail(&hosts, "first", 1);
    recorded.during(|| top.report());
    fail(&hosts, "loud", 50);
    fail(&hosts, "first", 1);
    let report = recorded.during(|| top.report());
    assert_eq!((report.shown, report.left_out, report.ever), (1, 1, 1));
    let seen = recorded.take();
    assert_eq!(
        (failures(&seen, "first"), failures(&seen, "loud")),
        (Some(2.0), None)
    );
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_key_is_counted_to_its_end_and_gives_its_place_away() {
    let (recorded, hosts) = (Recorded::new(), hosts(1));
    let top = top(&hosts, 1);
    fail(&hosts, "old", 1);
    recorded.during(|| top.report());
    fail(&hosts, "old", 4);
    let _ = recorded.take();
    advance(IDLE * 2).await;
    fail(&hosts, "new", 2);
    let report = recorded.during(|| top.report());
    assert_eq!((report.shown, report.left_out, report.ever), (1, 0, 2));
    let seen = recorded.take();
    assert_eq!(
        (failures(&seen, "old"), failures(&seen, "new")),
        (Some(4.0), Some(2.0))
    );
    assert_eq!(state(&seen, "old", "closed"), Some(0.0));
    assert_eq!(state(&seen, "new", "closed"), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_came_back_is_counted_from_zero_under_its_old_label() {
    let (recorded, hosts) = (Recorded::new(), hosts(1));
    let top = top(&hosts, 1);
    let report = || recorded.during(|| top.report());
    fail(&hosts, "a", 5);
    report();
    // Forgotten and back between two reports, with more failures than it had.
    advance(IDLE * 2).await;
    fail(&hosts, "b", 1);
    advance(IDLE * 2).await;
    fail(&hosts, "a", 7);
    assert_eq!(report().ever, 1);
    assert_eq!(failures(&recorded.take(), "a"), Some(12.0));
    // And once more, with a report while it was away.
    advance(IDLE * 2).await;
    fail(&hosts, "b", 1);
    assert_eq!(report().ever, 2);
    let _ = recorded.take();
    advance(IDLE * 2).await;
    fail(&hosts, "a", 2);
    assert_eq!(report().ever, 2);
    assert_eq!(failures(&recorded.take(), "a"), Some(2.0));
}

#[tokio::test(start_paused = true)]
async fn however_many_keys_come_and_go_the_labels_are_bounded() {
    let (recorded, hosts) = (Recorded::new(), hosts(1));
    let top = top(&hosts, 1).ever(3);
    for number in 0..20 {
        fail(&hosts, &format!("stranger {number}"), 1);
        let report = recorded.during(|| top.report());
        let known = number < 3;
        assert_eq!(report.shown, usize::from(known), "{number}");
        assert_eq!(report.left_out, usize::from(!known), "{number}");
        advance(IDLE * 2).await;
    }
    let seen = recorded.take();
    let labels = seen
        .keys()
        .filter(|name| name.ends_with("outcome=failure}"));
    assert_eq!((labels.count(), left_out(&seen)), (3, 1.0));
    fail(&hosts, "stranger 1", 1);
    let back = recorded.during(|| top.report());
    assert_eq!((back.shown, back.left_out, back.ever), (1, 0, 3));
}

#[tokio::test(start_paused = true)]
async fn a_long_key_is_cut_between_two_characters() {
    let (recorded, hosts) = (Recorded::new(), hosts(10));
    // Three bytes each, so that the limit falls into the middle of one.
    let host = "€".repeat(10_000);
    fail(&hosts, &host, 1);
    recorded.during(|| top(&hosts, 1).report());
    let label = "€".repeat(MAX_KEY_LABEL / 3);
    assert_eq!(failures(&recorded.take(), &label), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn of_two_keys_that_look_alike_one_is_left_out() {
    let (recorded, hosts) = (Recorded::new(), hosts(10));
    let (one, other) = ("a".repeat(200), "a".repeat(201));
    fail(&hosts, &one, 1);
    fail(&hosts, &other, 2);
    let report = recorded.during(|| top(&hosts, 5).report());
    assert_eq!((report.shown, report.left_out, report.ever), (1, 1, 1));
    let label = "a".repeat(MAX_KEY_LABEL);
    assert_eq!(failures(&recorded.take(), &label), Some(2.0));
}

#[tokio::test(start_paused = true)]
async fn a_recorder_that_comes_late_is_told_everything() {
    let hosts = hosts(10);
    let top = top(&hosts, 5);
    fail(&hosts, "a", 3);
    let none = top.report();
    assert_eq!((none.shown, none.left_out, none.ever), (0, 0, 0));
    let recorded = Recorded::new();
    recorded.during(|| top.report());
    assert_eq!(failures(&recorded.take(), "a"), Some(3.0));
}

#[tokio::test(start_paused = true)]
async fn a_closure_that_panics_costs_one_report() {
    let (recorded, hosts) = (Recorded::new(), hosts(10));
    let asked = AtomicU64::new(0);
    let top = TopKeys::new(hosts.clone(), 1, move |_: &CircuitBreaker| {
        let before = asked.fetch_add(1, Ordering::Relaxed);
        assert!(before > 0, "the first one");
        before
    });
    fail(&hosts, "a", 3);
    let report = || catch_unwind(AssertUnwindSafe(|| recorded.during(|| top.report())));
    assert!(report().is_err());
    assert_eq!(report().unwrap().shown, 1);
    assert_eq!(failures(&recorded.take(), "a"), Some(3.0));
}
