//! Names, refusals, deadlines, events and the registry.

use std::{io, sync::Arc, time::Duration};

use tokio::time::{Instant, advance};
use watertight_core::{
    Change, Component, ComponentSnapshot, Deadline, EVENT_CAPACITY, Error, EventKind, EventSource,
    MAX_NAME_LEN, Missed, Reason, Registry, Rejected, StripedCounter, Value, intern,
};

#[derive(Clone, Copy, Debug, PartialEq)]
struct Tick(u64);

impl EventKind for Tick {
    fn change(&self) -> Change {
        Change::new("tick").because(self.0.to_string())
    }
}

struct Clockwork(&'static str);

impl Component for Clockwork {
    fn kind(&self) -> &'static str {
        "clockwork"
    }

    fn name(&self) -> &str {
        self.0
    }

    fn snapshot(&self) -> ComponentSnapshot {
        ComponentSnapshot::new("clockwork", self.0, vec![("springs", Value::Count(3))])
    }
}

fn clockwork(name: &'static str) -> Arc<dyn Component> {
    Arc::new(Clockwork(name))
}

#[test]
fn a_refusal_is_found_however_deep_it_is_wrapped() {
    let why = Rejected::new("deep", Reason::Full);
    let boxed: Box<dyn std::error::Error + Send + Sync> = Error::<io::Error>::Rejected(why).into();
    let wrapped = Error::Inner(io::Error::other(io::Error::other(boxed)));
    assert_eq!(Rejected::find(&wrapped), Some(&why));
    assert_eq!(Rejected::find(&io::Error::other("other")), None);
}

#[test]
fn a_chain_of_errors_tells_everything_once() {
    let why = Rejected::new("email", Reason::Open).with_retry_after(Duration::from_secs(3));
    let told = |error: &(dyn std::error::Error + 'static)| {
        let chain = std::iter::successors(Some(error), |error| error.source());
        chain.map(ToString::to_string).collect::<Vec<_>>()
    };
    let refused = Error::<io::Error>::Rejected(why);
    let refusal = "rejected by `email`: the circuit is open, retry after 3s";
    assert_eq!(told(&refused), ["the call was refused (open)", refusal]);
    let failed = Error::Inner(io::Error::other("no route"));
    assert_eq!(told(&failed), ["the call failed", "no route"]);
    let late = Error::<io::Error>::Rejected(Rejected::new("email", Reason::TimedOut));
    assert_eq!(late.to_string(), "the call was given up (timed_out)");
}

#[test]
fn an_inner_error_is_found_by_its_type_along_the_sources() {
    let stacked = Error::Inner(Error::Inner(io::Error::other("no route")));
    let mut error: &(dyn std::error::Error + 'static) = &stacked;
    while let Some(source) = error.source() {
        error = source;
    }
    assert!(error.is::<io::Error>());
}

#[test]
fn hostile_names_are_refused() {
    let long = "x".repeat(MAX_NAME_LEN + 1);
    for hostile in ["", "a\nb", "\0", &long] {
        assert_eq!(intern(hostile).unwrap_err().field(), "name", "{hostile:?}");
    }
    assert!(intern(&"x".repeat(MAX_NAME_LEN)).is_ok());
    assert!(intern("zahlungen-für-rosen").is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_inner_deadline_can_only_be_earlier() {
    let outer = Deadline::after(Duration::from_secs(1));
    let seen = outer.scope(async {
        let longer = Deadline::after(Duration::from_secs(9));
        let shorter = Deadline::after(Duration::from_millis(1));
        let inside = longer.scope(async { Deadline::current() }).await;
        (
            inside,
            shorter.sync_scope(Deadline::current),
            Deadline::current(),
        )
    });
    let (longer, shorter, after) = seen.await;
    assert_eq!((longer, after), (Some(outer), Some(outer)));
    assert!(shorter.unwrap() < outer);
    assert_eq!(Deadline::current(), None);
}

#[tokio::test(start_paused = true)]
async fn spawned_tasks_do_not_inherit_a_deadline() {
    let scoped = Deadline::after(Duration::from_secs(1)).scope(async {
        let spawned = tokio::spawn(async { Deadline::current() }).await.unwrap();
        (
            spawned,
            Deadline::unscoped(async { Deadline::current() }).await,
        )
    });
    assert_eq!(scoped.await, (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_of_any_length_can_be_made_and_runs_out() {
    let never = Deadline::after(Duration::MAX);
    assert!(never.remaining() > Duration::from_secs(86_400 * 365));
    let now = Deadline::after(Duration::ZERO);
    assert!(now.has_passed());
    let soon = Deadline::after(Duration::from_millis(10));
    advance(Duration::from_millis(9)).await;
    assert_eq!(soon.remaining(), Duration::from_millis(1));
    advance(Duration::from_millis(9)).await;
    assert_eq!(soon.remaining(), Duration::ZERO);
    assert!(soon.has_passed() && !never.has_passed());
}

#[tokio::test(start_paused = true)]
async fn a_slow_subscriber_misses_events_and_is_told_how_many() {
    let source = EventSource::new("clockwork");
    let mut events = source.subscribe();
    let emitted = EVENT_CAPACITY as u64 + 10;
    for number in 0..emitted {
        source.emit("wall", number, Instant::now(), Tick(number));
    }
    assert_eq!(events.next().await.unwrap().unwrap_err(), Missed(10));
    let next = events.next().await.unwrap().unwrap();
    assert_eq!(
        (next.kind, next.generation, &*next.name),
        (Tick(10), 10, "wall")
    );
    drop(source);
    let mut left = 0;
    while events.next().await.is_some() {
        left += 1;
    }
    assert_eq!(left, EVENT_CAPACITY - 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_emitted_where_nobody_listens() {
    let source = EventSource::new("clockwork");
    assert!(!source.is_heard());
    source.emit("wall", 0, Instant::now(), Tick(0));
    let mut events = source.subscribe();
    assert!(source.is_heard());
    assert!(events.try_next().is_none());
    drop(events);
    assert!(!source.is_heard());
}

#[tokio::test(start_paused = true)]
async fn a_registry_hears_every_component_also_later_ones() {
    let registry = Registry::new();
    let mut heard = registry.subscribe();
    let wall = clockwork("wall");
    let source = EventSource::new("clockwork");
    source.attach(registry.register(&wall).unwrap());
    source.emit("wall", 7, Instant::now(), Tick(1));
    let event = heard.next().await.unwrap().unwrap();
    assert_eq!(
        (event.component, &*event.name, event.generation),
        ("clockwork", "wall", 7)
    );
    assert_eq!(event.kind, Change::new("tick").because("1"));
}

#[test]
fn a_name_is_taken_once_and_free_again_when_its_component_is_gone() {
    let registry = Registry::new();
    let wall = clockwork("wall");
    registry.register(&wall).unwrap();
    let again = registry.register(&clockwork("wall")).unwrap_err();
    assert_eq!(again.field(), "name");
    assert_eq!(
        registry.snapshots()[0].field("springs"),
        Some(&Value::Count(3))
    );
    drop(wall);
    assert!(registry.get("clockwork", "wall").is_none());
    let (tower, alarm) = (clockwork("wall"), clockwork("alarm"));
    registry.register(&tower).unwrap();
    registry.register(&alarm).unwrap();
    let names: Vec<_> = registry
        .snapshots()
        .into_iter()
        .map(|one| one.name)
        .collect();
    assert_eq!(names, ["alarm", "wall"]);
}

#[test]
fn a_striped_counter_loses_nothing() {
    let counter = StripedCounter::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..10_000).for_each(|_| counter.increment()));
        }
    });
    assert_eq!(counter.total(), 40_000);
}
