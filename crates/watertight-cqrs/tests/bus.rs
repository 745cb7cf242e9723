//! Commands by their decider, or by a name.

mod support;

use serde::{Deserialize, Serialize};
use serde_json::json;
use support::{Bank, No, Stubborn, deposit, open};
use tower::{ServiceExt, load_shed::LoadShed};
use watertight_bulkhead::{Bulkhead, BulkheadLayer};
use watertight_core::Error;
use watertight_cqrs::{
    BusError, CommandBus, CommandError, CommandHandler, CommandRequest, Decider, Event, Told,
};
use watertight_events::{Metadata, StreamId, Version, new_id};

/// Doors that are opened once.
#[derive(Clone, Debug)]
struct Doors;

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Open {
    door: u32,
    #[serde(default)]
    gently: bool,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Door {
    Opened { gently: bool },
}

#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the door is open")]
struct IsOpen;

impl Event for Door {}

impl Decider for Doors {
    type Command = Open;
    type Event = Door;
    type State = bool;
    type Rejection = IsOpen;
    const CATEGORY: &'static str = "door";

    fn stream_id(open: &Open) -> StreamId {
        StreamId::new(Self::CATEGORY, open.door)
    }

    fn decide(&self, open: &bool, command: &Open) -> Result<Vec<Door>, IsOpen> {
        let gently = command.gently;
        if *open {
            Err(IsOpen)
        } else {
            Ok(vec![Door::Opened { gently }])
        }
    }

    fn evolve(_: bool, _: &Door) -> bool {
        true
    }
}

fn bus(store: &Stubborn) -> CommandBus {
    let builder = CommandBus::builder()
        .register::<Bank, _>(CommandHandler::new(Bank, store.clone()))
        .named::<Doors, _>("doors", CommandHandler::new(Doors, store.clone()));
    builder.build().unwrap()
}

#[tokio::test]
async fn a_command_goes_to_its_decider() {
    let bus = bus(&Stubborn::new());
    let opened = bus.send::<Bank>(open("a")).await.unwrap();
    assert_eq!(opened.stream, StreamId::new("account", "a"));
    let door = Open {
        door: 1,
        gently: true,
    };
    let opened = bus.send::<Doors>(CommandRequest::new(door)).await.unwrap();
    assert_eq!(opened.events, [Door::Opened { gently: true }]);
}

#[tokio::test]
async fn a_rejection_comes_back_typed() {
    let bus = bus(&Stubborn::new());
    match bus.send::<Bank>(deposit("a", 1)).await {
        Err(BusError::Failed(Error::Inner(error))) => {
            assert_eq!(error.rejection(), Some(&No::Missing));
        }
        other => panic!("a rejection, not: {other:?}"),
    }
}

#[tokio::test]
async fn a_refusal_of_a_layer_comes_back_as_one() {
    let closed = Bulkhead::builder("closed").max_concurrent(0).build();
    let layer = BulkheadLayer::new(closed.unwrap());
    let handler = CommandHandler::new(Bank, Stubborn::new());
    let stack = tower::Layer::layer(&layer, handler);
    let bus = CommandBus::builder().register::<Bank, _>(stack).build();
    match bus.unwrap().send::<Bank>(open("a")).await {
        Err(BusError::Failed(Error::Rejected(why))) => assert_eq!(why.by, "closed"),
        other => panic!("a refusal, not: {other:?}"),
    }
}

#[tokio::test]
async fn a_decider_or_a_name_that_nobody_registered_is_told() {
    let bus = CommandBus::builder().build().unwrap();
    match bus.send::<Bank>(open("a")).await {
        Err(BusError::NoHandler(who)) => assert_eq!(who.name, "account"),
        other => panic!("nobody, not: {other:?}"),
    }
    let nobody = bus.by_name("doors").unwrap_err();
    assert_eq!(nobody.to_string(), "nobody handles the commands of `doors`");
}

#[test]
fn registering_a_decider_twice_is_a_build_error() {
    let handler = CommandHandler::new(Bank, Stubborn::new());
    let builder = CommandBus::builder()
        .register::<Bank, _>(handler.clone())
        .register::<Bank, _>(handler);
    let error = builder.build().unwrap_err().to_string();
    assert!(error.contains("account"), "{error}");
}

#[test]
fn registering_a_name_twice_is_a_build_error() {
    /// Other doors, for the same commands.
    #[derive(Clone, Debug)]
    struct Gates;

    impl Decider for Gates {
        type Command = Open;
        type Event = Door;
        type State = bool;
        type Rejection = IsOpen;
        const CATEGORY: &'static str = "gate";

        fn stream_id(open: &Open) -> StreamId {
            StreamId::new(Self::CATEGORY, open.door)
        }

        fn decide(&self, open: &bool, command: &Open) -> Result<Vec<Door>, IsOpen> {
            Doors.decide(open, command)
        }

        fn evolve(_: bool, _: &Door) -> bool {
            true
        }
    }

    let store = Stubborn::new();
    let builder = CommandBus::builder()
        .named::<Doors, _>("open", CommandHandler::new(Doors, store.clone()))
        .named::<Gates, _>("open", CommandHandler::new(Gates, store));
    let error = builder.build().unwrap_err().to_string();
    assert!(error.contains("open"), "{error}");
}

#[tokio::test]
async fn a_command_by_name_is_json_and_so_are_its_events() {
    let doors = bus(&Stubborn::new()).by_name("doors").unwrap();
    let metadata = Metadata::root(new_id()).by("ann");
    let request = CommandRequest::new(json!({ "door": 1 })).metadata(metadata);
    let opened = doors.oneshot(request).await.unwrap();
    assert_eq!(opened.version, Version(1));
    assert_eq!(opened.events, [json!({ "opened": { "gently": false } })]);
}

#[tokio::test]
async fn json_that_is_no_command_and_a_rejection_are_told_apart() {
    let doors = bus(&Stubborn::new()).by_name("doors").unwrap();
    let told = |command| {
        let answer = doors.clone().oneshot(CommandRequest::new(command));
        async {
            match answer.await {
                Ok(_) => None,
                Err(Error::Inner(CommandError::Rejected(told))) => Some(told),
                Err(other) => panic!("told, not: {other:?}"),
            }
        }
    };
    assert!(matches!(
        told(json!({ "window": 1 })).await,
        Some(Told::NoCommand(_))
    ));
    assert_eq!(told(json!({ "door": 1 })).await, None);
    assert_eq!(
        told(json!({ "door": 1 })).await,
        Some(Told::Rejected("the door is open".into()))
    );
}

#[tokio::test]
async fn a_key_is_the_same_by_name_and_by_decider() {
    let bus = bus(&Stubborn::new());
    let typed = Open {
        door: 1,
        gently: false,
    };
    let typed = CommandRequest::new(typed).key("k").unwrap();
    let first = bus.send::<Doors>(typed).await.unwrap();
    let json = CommandRequest::new(json!({ "door": 1 })).key("k").unwrap();
    let second = bus.by_name("doors").unwrap().oneshot(json).await.unwrap();
    assert_eq!((first.replayed, second.replayed), (false, true));
}

#[tokio::test]
async fn a_full_handler_is_not_ready_by_name_either() {
    let store = Stubborn::new();
    let handler = CommandHandler::builder(Doors, store.clone()).places(1);
    let bus = CommandBus::builder().named::<Doors, _>("doors", handler.build().unwrap());
    let doors = LoadShed::new(bus.build().unwrap().by_name("doors").unwrap());
    store.hold();
    let open = |door: u32| {
        doors
            .clone()
            .oneshot(CommandRequest::new(json!({ "door": door })))
    };
    let first = tokio::spawn(open(1));
    store.until_held().await;
    open(2).await.expect_err("the only place is taken");
    store.release();
    first.await.unwrap().unwrap();
}
