//! What a command comes to.

mod support;

use std::time::Duration;

use support::{
    Bank, Command, Fault, Handler, Happened, No, Stubborn, deposit, everything, open, withdraw,
};
use tower::ServiceExt;
use watertight_core::Deadline;
use watertight_cqrs::{CommandError, CommandHandler, CommandRequest};
use watertight_events::{
    EventStore, Expected, Metadata, NewEvent, StreamId, Version, Write, new_id,
};

fn bank() -> (Handler, Stubborn) {
    let store = Stubborn::new();
    (CommandHandler::new(Bank, store.clone()), store)
}

#[tokio::test]
async fn an_accepted_command_is_recorded_with_all_its_events() {
    let (bank, store) = bank();
    bank.clone().oneshot(open("a")).await.unwrap();
    bank.clone().oneshot(deposit("a", 10)).await.unwrap();
    let done = bank.oneshot(withdraw("a", 3)).await.unwrap();
    assert_eq!(
        done.events,
        [Happened::Withdrawn { amount: 3 }, Happened::Fee(1)]
    );
    assert_eq!((done.version, done.token.position.0), (Version(4), 4));
    assert_eq!(done.token.store, store.id());
    let kinds: Vec<_> = everything(&store)
        .await
        .into_iter()
        .map(|it| it.event.kind.to_string())
        .collect();
    assert_eq!(kinds, ["opened", "deposited", "withdrawn", "fee"]);
}

#[tokio::test]
async fn a_command_that_is_turned_down_records_nothing() {
    let (bank, store) = bank();
    let error = bank.clone().oneshot(deposit("a", 1)).await.unwrap_err();
    assert_eq!(error.rejection(), Some(&No::Missing));
    bank.clone().oneshot(open("a")).await.unwrap();
    let error = bank.oneshot(withdraw("a", 5)).await.unwrap_err();
    assert_eq!(error.rejection(), Some(&No::Poor(0)));
    assert_eq!(everything(&store).await.len(), 1);
}

#[tokio::test]
async fn a_command_without_events_is_accepted() {
    let (bank, store) = bank();
    bank.clone().oneshot(open("a")).await.unwrap();
    let look = CommandRequest::new(Command::Look { account: "a" });
    let done = bank.oneshot(look).await.unwrap();
    assert_eq!(
        (done.version, done.events.len(), done.replayed),
        (Version(1), 0, false)
    );
    assert_eq!(everything(&store).await.len(), 1);
}

#[tokio::test]
async fn events_are_caused_by_their_command() {
    let (bank, store) = bank();
    let request = Metadata::root(new_id());
    let command = request.caused(new_id()).by("ann");
    bank.oneshot(open("a").metadata(command.clone()))
        .await
        .unwrap();
    let event = &everything(&store).await[0].event;
    assert_eq!(event.metadata.causation, command.message);
    assert_eq!(event.metadata.correlation, request.message);
    assert_eq!(event.metadata.actor(), Some("ann"));
}

#[tokio::test]
async fn an_exact_version_of_the_caller_is_never_decided_again() {
    let (bank, store) = bank();
    bank.clone().oneshot(open("a")).await.unwrap();
    let exact = |version| deposit("a", 1).expecting(Expected::Exact(Version(version)));
    bank.clone().oneshot(exact(1)).await.unwrap();
    match bank.clone().oneshot(exact(1)).await {
        Err(CommandError::Conflict {
            actual, expected, ..
        }) => {
            assert_eq!(
                (actual, expected),
                (Version(2), Expected::Exact(Version(1)))
            );
        }
        other => panic!("a conflict, not: {other:?}"),
    }
    let create = open("a").expecting(Expected::NoStream);
    assert!(matches!(
        bank.oneshot(create).await,
        Err(CommandError::Conflict { .. })
    ));
    assert_eq!(everything(&store).await.len(), 2);
}

#[tokio::test]
async fn what_another_process_wrote_is_seen_by_the_next_decision() {
    let (here, store) = bank();
    let there = CommandHandler::new(Bank, store.clone());
    here.clone().oneshot(open("a")).await.unwrap();
    there.clone().oneshot(deposit("a", 10)).await.unwrap();
    here.clone().oneshot(deposit("a", 1)).await.unwrap();
    there.clone().oneshot(withdraw("a", 10)).await.unwrap();
    let done = here.oneshot(deposit("a", 1)).await.unwrap();
    assert_eq!(done.version, Version(6));
}

#[tokio::test]
async fn nothing_is_turned_down_upon_a_state_that_is_stale() {
    let (here, store) = bank();
    let there = CommandHandler::new(Bank, store.clone());
    let missing = here.clone().oneshot(deposit("a", 1)).await.unwrap_err();
    assert_eq!(missing.rejection(), Some(&No::Missing));
    there.clone().oneshot(open("a")).await.unwrap();
    here.clone().oneshot(deposit("a", 5)).await.unwrap();
    there.oneshot(deposit("a", 5)).await.unwrap();
    here.oneshot(withdraw("a", 8)).await.unwrap();
}

#[tokio::test]
async fn a_failure_of_the_store_is_told_and_harms_nobody_else() {
    let (bank, store) = bank();
    bank.clone().oneshot(open("a")).await.unwrap();
    store.fail(&[Fault::Before, Fault::After]);
    let failed = bank.clone().oneshot(deposit("a", 1)).await.unwrap_err();
    assert!(matches!(
        failed,
        CommandError::Store {
            transient: true,
            ..
        }
    ));
    let lost = bank.clone().oneshot(deposit("a", 2)).await.unwrap_err();
    assert!(matches!(lost, CommandError::Unknown));
    let done = bank.oneshot(deposit("a", 4)).await.unwrap();
    assert_eq!(done.version, Version(3), "the lost one was written");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_bounds_the_wait_and_says_whether_it_was_sent() {
    let (bank, store) = bank();
    let past = Deadline::after(Duration::ZERO);
    let late = bank.clone().oneshot(open("a").deadline(past)).await;
    assert!(matches!(
        late,
        Err(CommandError::Deadline { attempted: false })
    ));
    store.hold();
    let soon = Deadline::after(Duration::from_secs(1));
    let late = bank.clone().oneshot(open("a").deadline(soon)).await;
    assert!(matches!(
        late,
        Err(CommandError::Deadline { attempted: true })
    ));
    let scoped = Deadline::after(Duration::from_secs(1))
        .scope(bank.oneshot(open("b")))
        .await;
    assert!(matches!(
        scoped,
        Err(CommandError::Deadline { attempted: true })
    ));
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_told_and_where_it_is() {
    let (bank, store) = bank();
    for (account, kind, payload) in [
        ("unknown", "renamed_away", "{}"),
        ("invalid", "deposited", "{"),
        ("other", "deposited", "7"),
    ] {
        let stream = StreamId::new("account", account);
        let events = vec![
            NewEvent::new("opened", "null"),
            NewEvent::new(kind, payload),
        ];
        store
            .write(Write::to(stream.clone(), Expected::Any, events))
            .await
            .unwrap();
        match bank.clone().oneshot(deposit(account, 1)).await {
            Err(CommandError::Corrupt {
                stream: told,
                version,
                ..
            }) => {
                assert_eq!((told, version), (stream, Version(2)));
            }
            other => panic!("{account}: {other:?}"),
        }
    }
    bank.clone().oneshot(open("good")).await.unwrap();
}

#[tokio::test]
async fn a_panic_of_the_decider_breaks_its_own_call_only() {
    let (bank, store) = bank();
    bank.clone().oneshot(open("a")).await.unwrap();
    for command in [
        Command::Panic { account: "a" },
        Command::Explode { account: "a" },
    ] {
        let call = tokio::spawn(bank.clone().oneshot(CommandRequest::new(command)));
        assert!(call.await.unwrap_err().is_panic());
    }
    bank.clone().oneshot(deposit("a", 1)).await.unwrap();
    assert_eq!(everything(&store).await.len(), 2);
}

#[tokio::test]
async fn what_no_store_can_hold_is_invalid_input() {
    let (bank, _) = bank();
    match bank.oneshot(open("nul \0")).await {
        Err(CommandError::Invalid(invalid)) => assert_eq!(invalid.field, "stream"),
        other => panic!("invalid, not: {other:?}"),
    }
}

#[test]
fn settings_that_make_no_sense_name_their_field() {
    let builder = || Handler::builder(Bank, Stubborn::new());
    assert_eq!(builder().places(0).build().unwrap_err().field(), "places");
    assert_eq!(
        builder().places(usize::MAX).build().unwrap_err().field(),
        "places"
    );
    assert_eq!(builder().streams(0).build().unwrap_err().field(), "streams");
    assert_eq!(
        builder().attempts(0).build().unwrap_err().field(),
        "attempts"
    );
}
