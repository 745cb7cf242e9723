//! Upcasters that do not fit together are found before anything is read.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower::ServiceExt;
use watertight_cqrs::{
    CodecError, CommandError, CommandHandler, CommandRequest, Decider, Event, Fact, Projection,
    ProjectionError, ProjectionState, Steps, Upcast, UpcasterError, Upcasters, View,
};
use watertight_events::{MemoryStore, NewEvent, StreamId};

use crate::members::Happened;

/// Events with one variant, `now`, and the upcasters that are named.
macro_rules! events {
    ($($name:ident: $steps:expr;)*) => {
        $(
            #[derive(Debug, Deserialize, PartialEq, Serialize)]
            #[serde(rename_all = "snake_case")]
            enum $name { Now(Value) }

            impl Event for $name {
                fn upcasters() -> &'static Upcasters {
                    const STEPS: fn(Steps) -> Steps = $steps;
                    static UPCASTERS: Upcasters = Upcasters::new(STEPS);
                    &UPCASTERS
                }
            }
        )*
    };
}

events! {
    Gapped: |steps| steps.same("now", 1).same("now", 3);
    Headless: |steps| steps.same("now", 2);
    Renamed: |steps| steps.rename("before", 1, ("now", 3));
    Circular: |steps| steps.rename("a", 1, ("b", 1)).rename("b", 1, ("c", 1)).rename("c", 1, ("b", 1));
    OfItself: |steps| steps.rename("before", 1, ("before", 1));
    Doubled: |steps| steps.same("now", 1).same("now", 1);
    Replaced: |steps| steps.drop("now", 1);
    Misspelt: |steps| steps.rename("before", 1, ("mow", 1));
    Unasked: |steps| steps.split("before", 1, &[("now", 1)], |_: Value| Ok(vec![Upcast::new("never", 1, &())?]));
    Endless: |steps| (1..=20).fold(steps, |steps, version| {
        let next = ("before", version + 1);
        steps.split("before", version, &[next], move |it: Value| {
            let twice = Upcast::new(next.0, next.1, &it)?;
            Ok(vec![twice.clone(), twice])
        })
    }).drop("before", 21);
}

#[test]
fn upcasters_that_fit_together_pass() {
    assert_eq!(Upcasters::check::<Happened>(), Ok(()));
}

#[test]
fn a_version_without_a_step_is_a_gap() {
    let gap = |kind, version| Err(UpcasterError::Gap { kind, version });
    assert_eq!(Upcasters::check::<Gapped>(), gap("now", 2));
    assert_eq!(Upcasters::check::<Headless>(), gap("now", 1));
    assert_eq!(Upcasters::check::<Renamed>(), gap("now", 1));
}

#[test]
fn a_version_that_was_raised_without_a_step_is_a_gap() {
    #[derive(Deserialize, Serialize)]
    enum Raised {
        Now,
    }
    impl Event for Raised {
        fn schema(_: &str) -> u32 {
            2
        }
    }
    let (kind, version) = ("Now", 1);
    assert_eq!(
        Upcasters::check::<Raised>(),
        Err(UpcasterError::Gap { kind, version })
    );
}

#[test]
fn steps_that_lead_back_are_a_cycle() {
    let cycle = |kind, version| Err(UpcasterError::Cycle { kind, version });
    assert_eq!(Upcasters::check::<Circular>(), cycle("b", 1));
    assert_eq!(Upcasters::check::<OfItself>(), cycle("before", 1));
}

#[test]
fn two_steps_from_one_version_are_refused() {
    let (kind, version) = ("now", 1);
    let twice = UpcasterError::Twice { kind, version };
    assert_eq!(Upcasters::check::<Doubled>(), Err(twice));
}

#[test]
fn a_version_that_is_stored_now_is_not_replaced() {
    let (kind, version) = ("now", 1);
    let replaced = UpcasterError::Replaced { kind, version };
    assert_eq!(Upcasters::check::<Replaced>(), Err(replaced));
}

#[test]
fn a_chain_ends_in_a_variant() {
    let (kind, version) = ("mow", 1);
    let unknown = UpcasterError::Unknown { kind, version };
    assert_eq!(Upcasters::check::<Misspelt>(), Err(unknown));
}

#[test]
fn a_step_makes_only_what_it_says() {
    let error = Unasked::read(&NewEvent::new("before", "1")).unwrap_err();
    assert!(
        error.to_string().contains("makes `never` of version 1"),
        "{error}"
    );
}

#[test]
fn one_event_does_not_become_millions() {
    assert_eq!(Upcasters::check::<Endless>(), Ok(()));
    let error = Endless::read(&NewEvent::new("before", "1")).unwrap_err();
    assert!(matches!(error, CodecError::TooMany { limit: 1_000, .. }));
}

struct Broken;

impl Decider for Broken {
    type Command = ();
    type Event = Gapped;
    type State = ();
    type Rejection = std::fmt::Error;
    const CATEGORY: &'static str = "broken";

    fn stream_id((): &()) -> StreamId {
        StreamId::new(Self::CATEGORY, 1)
    }

    fn decide(&self, (): &(), (): &()) -> Result<Vec<Gapped>, std::fmt::Error> {
        Ok(vec![Gapped::Now(Value::Null)])
    }

    fn evolve((): (), _: &Gapped) {}
}

#[tokio::test]
async fn a_handler_refuses_to_work_with_a_gap() {
    let store = MemoryStore::new();
    let built = CommandHandler::builder(Broken, store.clone()).build();
    let error = built.unwrap_err();
    assert_eq!(error.field(), "upcasters");
    assert!(
        error
            .to_string()
            .contains("`now` has no upcaster from version 2"),
        "{error}"
    );
    let handler = CommandHandler::new(Broken, store);
    let error = handler.oneshot(CommandRequest::new(())).await.unwrap_err();
    assert!(matches!(error, CommandError::Codec(_)), "{error:?}");
}

#[tokio::test]
async fn a_projection_refuses_to_run_with_a_gap() {
    struct OfGapped;
    impl View for OfGapped {
        type Event = Gapped;
        type Document = ();
        const NAME: &'static str = "gapped";
        const VERSION: u32 = 1;
        fn keys(_: &Fact<Gapped>) -> Vec<String> {
            vec![]
        }
        fn apply(_: &str, _: Option<()>, _: &Fact<Gapped>) -> Option<()> {
            None
        }
    }
    let store = MemoryStore::new();
    let view = Projection::<OfGapped, _, _>::new(store.clone(), store);
    let handle = view.handle();
    let error = view.run().await.unwrap_err();
    assert!(matches!(error, ProjectionError::Upcasters(_)), "{error:?}");
    assert!(matches!(
        handle.snapshot().state,
        ProjectionState::Failed(_)
    ));
}
