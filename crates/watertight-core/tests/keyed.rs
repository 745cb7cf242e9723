//! One component per key, and a bound on all of them.

mod support;

use std::{
    cell::Cell,
    collections::HashSet,
    hash::{Hash, Hasher},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use support::Gate;
use tokio::time::advance;
use watertight_core::{Admit, ByKey, Forget, KeyLimits, Keyed};

const MINUTE: Duration = Duration::from_secs(60);

fn gates(max_keys: usize) -> Keyed<u32, Gate> {
    let limits = KeyLimits::new("gates", max_keys, MINUTE).unwrap();
    Keyed::new(limits, Gate::default(), |_| Gate::default())
}

#[tokio::test(start_paused = true)]
async fn each_key_has_a_state_of_its_own() {
    let gates = gates(10);
    gates.get(&1).shut(true);
    let by_key = ByKey::new(gates.clone(), |key: &u32| *key);
    assert!(by_key.admit(&1).is_err());
    assert!(by_key.admit(&2).is_ok());
    assert_eq!(gates.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_new_keys_share_the_overflow() {
    let gates = gates(2);
    gates.get(&1);
    gates.get(&2);
    gates.get(&3).shut(true);
    assert!(Admit::<u32>::admit(&gates.get(&4), &4).is_err());
    assert!(Admit::<u32>::admit(&gates.get(&1), &1).is_ok());
    assert_eq!((gates.len(), gates.overflowed()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn an_idle_key_makes_room_and_a_busy_one_does_not() {
    let gates = gates(2);
    let _permit = Admit::<u32>::admit(&gates.get(&1), &1).unwrap();
    gates.get(&2);
    advance(MINUTE * 2).await;
    gates.get(&3).shut(true);
    assert_eq!(gates.overflowed(), 0);
    assert!(gates.peek(&1).is_some(), "busy");
    assert!(gates.peek(&2).is_none(), "idle");
    assert_eq!(gates.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_in_use_is_never_forgotten() {
    let gates = gates(2);
    gates.get(&1).shut(true);
    for other in 2..100 {
        advance(MINUTE / 2).await;
        gates.get(&1);
        gates.get(&other);
    }
    assert!(
        Admit::<u32>::admit(&gates.get(&1), &1).is_err(),
        "still the same gate"
    );
}

#[tokio::test(start_paused = true)]
async fn the_few_keys_of_which_there_is_most_to_say_come_first() {
    let numbers = Keyed::new(KeyLimits::default(), Number(0), |key: &u64| Number(*key));
    for key in [3, 9, 1, 7] {
        numbers.get(&key);
    }
    let keys = |most| {
        let top = numbers.top(most, |number| number.0 % 9);
        top.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(keys(2), [7, 3]);
    assert_eq!((keys(0).len(), keys(9).len()), (0, 4));
}

#[derive(Clone)]
struct Number(u64);

impl Forget for Number {
    fn can_be_forgotten(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn a_hostile_number_of_keys_stays_within_the_bound() {
    let gates = gates(100);
    for key in 0..200_000 {
        gates.get(&key);
    }
    assert_eq!((gates.len(), gates.all().len()), (100, 100));
    assert_eq!(gates.overflowed(), 199_900);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_strangers_does_not_have_every_key_asked_each_time() {
    #[derive(Clone)]
    struct Busy(Arc<AtomicUsize>);
    impl Forget for Busy {
        fn can_be_forgotten(&self) -> bool {
            self.0.fetch_add(1, Ordering::SeqCst);
            false
        }
    }
    let asked = Arc::new(AtomicUsize::new(0));
    let (limits, busy) = (
        KeyLimits::new("busy", 100, MINUTE).unwrap(),
        Busy(Arc::clone(&asked)),
    );
    let keyed = Keyed::new(limits, busy.clone(), move |_: &u32| busy.clone());
    for key in 0..100 {
        keyed.get(&key);
    }
    advance(MINUTE * 2).await;
    for key in 100..10_000 {
        keyed.get(&key);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 100);
    advance(MINUTE).await;
    keyed.get(&100);
    assert_eq!(asked.load(Ordering::SeqCst), 200);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_being_forgotten_is_not_handed_out() {
    type Hook = Box<dyn FnOnce()>;
    thread_local! { static ON_HASH: Cell<Option<Hook>> = const { Cell::new(None) }; }

    /// Hashing the first key runs the hook: a way into the map between two of its steps.
    #[derive(Clone, PartialEq, Eq)]
    struct Key(u32);
    impl Hash for Key {
        fn hash<H: Hasher>(&self, state: &mut H) {
            if self.0 == 1
                && let Some(hook) = ON_HASH.take()
            {
                hook();
            }
            self.0.hash(state);
        }
    }

    let limits = KeyLimits::new("gates", 1, MINUTE).unwrap();
    let overflow = Gate::default();
    let gates = Keyed::new(limits, overflow.clone(), |_: &Key| Gate::default());
    gates.get(&Key(1));
    advance(MINUTE * 2).await;
    let (again, inside) = (gates.clone(), Rc::new(Cell::new(None)));
    let found = Rc::clone(&inside);
    ON_HASH.set(Some(Box::new(move || found.set(Some(again.get(&Key(1)))))));
    gates.get(&Key(2));
    overflow.shut(true);
    let handed_out = inside.take().expect("the first key is being removed");
    assert!(
        Admit::<()>::admit(&handed_out, &()).is_err(),
        "not the old gate"
    );
}

#[test]
fn threads_that_race_for_a_new_key_get_the_same_component() {
    let gates = gates(1_000);
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let gates = gates.clone();
            thread::spawn(move || {
                let admit = |key: u32| Admit::<u32>::admit(&gates.get(&key), &key).unwrap();
                (0..1_000).map(admit).collect::<Vec<_>>()
            })
        })
        .collect();
    let permits: Vec<_> = workers
        .into_iter()
        .flat_map(|worker| worker.join().unwrap())
        .collect();
    assert_eq!(permits.len(), 4_000);
    assert_eq!(gates.len(), 1_000);
    assert!(gates.all().iter().all(|(_, gate)| gate.out() == 4));
    let keys: HashSet<_> = gates.all().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys.len(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn limits_that_make_no_sense_are_refused() {
    assert_eq!(
        KeyLimits::new("gates", 0, MINUTE).unwrap_err().field(),
        "max_keys"
    );
    assert_eq!(
        KeyLimits::new("gates", 1, Duration::ZERO)
            .unwrap_err()
            .field(),
        "idle"
    );
    let forever = KeyLimits::new("gates", 1, Duration::MAX).unwrap();
    let gates = Keyed::new(forever, Gate::default(), |_: &u32| Gate::default());
    gates.get(&1);
    advance(MINUTE).await;
    gates.get(&2);
    assert_eq!(gates.overflowed(), 1);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_map_drops_every_component() {
    let alive = Arc::new(());
    let limits = KeyLimits::default();
    let held = Arc::clone(&alive);
    let gates = Keyed::new(limits, Gate::default(), move |_: &u32| {
        let _held = &held;
        Gate::default()
    });
    gates.get(&1);
    drop(gates);
    assert_eq!(Arc::strong_count(&alive), 1);
}
