//! Many commands for one stream, and many commands at once.

mod support;

use std::{future::poll_fn, pin::Pin, task::Poll};

use futures::future::join_all;
use support::{
    Bank, Command, Fault, Handler, Happened, No, Stubborn, deposit, everything, open, withdraw,
};
use tower::{Service, ServiceExt, load_shed::LoadShed};
use watertight_cqrs::{CommandError, CommandHandler, CommandRequest, Event};
use watertight_events::{EventStore, Expected, StreamId, Version, Write};

fn bank() -> (Handler, Stubborn) {
    let store = Stubborn::new();
    (CommandHandler::new(Bank, store.clone()), store)
}

/// Polls a future so many times; nothing if it is not ready by then.
async fn polled<F: Future + Unpin>(future: &mut F, times: usize) -> Option<F::Output> {
    for _ in 0..times {
        let once = poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await;
        if let Poll::Ready(output) = once {
            return Some(output);
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_clients_of_one_stream_lose_no_update_and_see_no_conflict() {
    let (bank, store) = bank();
    bank.clone().oneshot(open("hot")).await.unwrap();
    let clients = (0..16).map(|_| {
        let bank = bank.clone();
        tokio::spawn(async move {
            for _ in 0..50 {
                bank.clone().oneshot(deposit("hot", 1)).await.unwrap();
            }
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    let all = everything(&store).await;
    assert_eq!(all.len(), 801);
    assert!(
        all.iter()
            .zip(1..)
            .all(|(event, version)| event.version == Version(version))
    );
    let error = bank.oneshot(withdraw("hot", 1_000)).await.unwrap_err();
    assert_eq!(error.rejection(), Some(&No::Poor(800)));
}

#[tokio::test]
async fn commands_are_decided_upon_what_is_on_its_way() {
    let (bank, store) = bank();
    store.hold();
    let requests = [open("a"), deposit("a", 10), withdraw("a", 4)];
    let calls = requests.map(|request| Box::pin(bank.clone().oneshot(request)));
    let mut calls = Vec::from(calls);
    for call in &mut calls {
        assert!(polled(call, 3).await.is_none());
    }
    store.release();
    let versions: Vec<_> = join_all(calls)
        .await
        .into_iter()
        .map(|done| done.unwrap().version.0)
        .collect();
    assert_eq!(
        versions,
        [1, 2, 4],
        "without waiting for each other's commits"
    );
}

#[tokio::test]
async fn followers_of_a_failed_write_are_decided_again() {
    let (bank, store) = bank();
    bank.clone().oneshot(open("a")).await.unwrap();
    store.hold();
    store.fail(&[Fault::Before]);
    let calls = (0..8).map(|_| Box::pin(bank.clone().oneshot(deposit("a", 1))));
    let mut calls: Vec<_> = calls.collect();
    for call in &mut calls {
        assert!(polled(call, 3).await.is_none());
    }
    store.release();
    let answers = join_all(calls).await;
    assert!(matches!(answers[0], Err(CommandError::Store { .. })));
    assert!(answers[1..].iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(everything(&store).await.len(), 8);
}

#[tokio::test]
async fn nothing_is_appended_upon_an_event_that_another_took_the_place_of() {
    let (bank, store) = bank();
    bank.clone().oneshot(open("a")).await.unwrap();
    store.hold();
    let calls = [deposit("a", 10), withdraw("a", 3)];
    let mut calls = calls.map(|request| Box::pin(bank.clone().oneshot(request)));
    for call in &mut calls {
        assert!(polled(call, 5).await.is_none(), "it is on its way");
    }
    // As many events as the first one would have written, and not the same ones.
    let foreign = Happened::Deposited { amount: 1 }.encode().unwrap();
    let account = StreamId::new("account", "a");
    let write = Write::to(account, Expected::Any, vec![foreign.into()]);
    store.store.write(write).await.unwrap();
    store.release();
    let [paid_in, paid_out] = join_all(calls).await.try_into().unwrap();
    assert!(paid_in.is_ok(), "{paid_in:?}");
    // Decided again, upon what is there: too little, or enough if the other one came first.
    let events = everything(&store).await.len();
    match paid_out {
        Ok(_) => assert_eq!(events, 5),
        Err(error) => {
            assert_eq!(error.rejection(), Some(&No::Poor(1)));
            assert_eq!(events, 3);
        }
    }
    let left = bank.oneshot(withdraw("a", 1_000)).await.unwrap_err();
    let left = left.rejection().cloned();
    let expected = if events == 5 { 7 } else { 11 };
    assert_eq!(left, Some(No::Poor(expected)));
}

#[tokio::test]
async fn nothing_is_turned_down_upon_what_may_still_fail() {
    let (bank, store) = bank();
    store.hold();
    store.fail(&[Fault::Before]);
    let mut first = Box::pin(bank.clone().oneshot(open("a")));
    assert!(polled(&mut first, 3).await.is_none());
    let mut second = Box::pin(bank.clone().oneshot(open("a")));
    assert!(
        polled(&mut second, 3).await.is_none(),
        "it waits for the first"
    );
    store.release();
    assert!(first.await.is_err());
    second
        .await
        .expect("the first one failed, so there is no such account");
}

#[tokio::test]
async fn a_dropped_command_is_done_or_not_and_the_next_one_goes_on() {
    let (bank, store) = bank();
    bank.clone().oneshot(open("a")).await.unwrap();
    for times in 0..5 {
        store.hold();
        let mut left = Box::pin(bank.clone().oneshot(deposit("a", 1)));
        assert!(polled(&mut left, times).await.is_none());
        drop(left);
        store.release();
        bank.clone().oneshot(deposit("a", 1)).await.unwrap();
    }
    let all = everything(&store).await;
    assert!(
        all.iter()
            .zip(1..)
            .all(|(event, version)| event.version == Version(version))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_handlers_on_one_stream_lose_no_update() {
    let store = Stubborn::new();
    let handlers = [(); 2].map(|()| {
        CommandHandler::builder(Bank, store.clone())
            .attempts(1_000)
            .build()
            .unwrap()
    });
    handlers[0].clone().oneshot(open("a")).await.unwrap();
    let clients = (0..8).map(|client| {
        let bank = handlers[client % 2].clone();
        tokio::spawn(async move {
            for _ in 0..25 {
                bank.clone().oneshot(deposit("a", 1)).await.unwrap();
            }
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    assert_eq!(everything(&store).await.len(), 201);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_never_comes_first_gives_up_with_a_conflict() {
    let (bank, store) = bank();
    let impatient = CommandHandler::builder(Bank, store.clone())
        .attempts(2)
        .build()
        .unwrap();
    bank.clone().oneshot(open("a")).await.unwrap();
    impatient.clone().oneshot(deposit("a", 1)).await.unwrap();
    store.hold();
    let mut call = Box::pin(impatient.oneshot(deposit("a", 1)));
    for _ in 0..2 {
        assert!(polled(&mut call, 3).await.is_none());
        // Behind its back, and so before it.
        let other = CommandHandler::new(Bank, store.store.clone());
        other.oneshot(deposit("a", 1)).await.unwrap();
        store.go.add_permits(1);
        tokio::task::yield_now().await;
    }
    match call.await {
        Err(CommandError::Conflict { actual, .. }) => assert_eq!(actual, Version(4)),
        other => panic!("a conflict, not: {other:?}"),
    }
}

#[tokio::test]
async fn places_are_reserved_before_the_call_and_never_copied() {
    let store = Stubborn::new();
    let bank = CommandHandler::builder(Bank, store.clone())
        .places(1)
        .build()
        .unwrap();
    store.hold();
    let mut first = bank.clone();
    first.ready().await.unwrap();
    let shed = || LoadShed::new(bank.clone()).oneshot(open("b"));
    shed().await.expect_err("the only place is reserved");
    let mut call = Box::pin(first.call(open("a")));
    assert!(polled(&mut call, 3).await.is_none());
    shed()
        .await
        .expect_err("the only place is taken until the answer");
    store.release();
    call.await.unwrap();
    shed().await.expect("the place is free again");
}

#[tokio::test]
async fn a_slow_stream_does_not_hold_up_another() {
    let (bank, store) = bank();
    let other = CommandHandler::new(Bank, store.store.clone());
    store.hold();
    let mut slow = Box::pin(bank.oneshot(open("slow")));
    assert!(polled(&mut slow, 3).await.is_none());
    other.oneshot(open("fast")).await.unwrap();
    store.release();
    slow.await.unwrap();
    assert_eq!(store.head().borrow().0, 2);
}

#[tokio::test]
async fn a_look_is_answered_after_what_was_asked_before_it() {
    let (bank, store) = bank();
    store.hold();
    let mut opening = Box::pin(bank.clone().oneshot(open("a")));
    assert!(polled(&mut opening, 3).await.is_none());
    let look = CommandRequest::new(Command::Look { account: "a" });
    let mut look = Box::pin(bank.oneshot(look));
    assert!(
        polled(&mut look, 3).await.is_none(),
        "what it sees is not committed yet"
    );
    store.release();
    let (opened, looked) = futures::future::join(opening, look).await;
    assert!(looked.unwrap().token.position >= opened.unwrap().token.position);
}
