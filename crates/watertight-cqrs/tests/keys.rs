//! Commands that are sent more than once.

mod support;

use futures::future::join_all;
use support::{
    Bank, Command, Fault, Handler, Happened, No, Stubborn, deposit, everything, open, withdraw,
};
use tower::ServiceExt;
use watertight_cqrs::{CommandError, CommandHandler, CommandRequest};
use watertight_events::{Metadata, Version, new_id};

fn bank() -> (Handler, Stubborn) {
    let store = Stubborn::new();
    (CommandHandler::new(Bank, store.clone()), store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_twins_are_one_command_and_get_one_answer() {
    let (bank, store) = bank();
    bank.clone().oneshot(open("a")).await.unwrap();
    bank.clone().oneshot(deposit("a", 10)).await.unwrap();
    let calls = (0..10).map(|_| {
        let request = withdraw("a", 8).key("order-1").unwrap();
        tokio::spawn(bank.clone().oneshot(request))
    });
    let answers: Vec<_> = join_all(calls)
        .await
        .into_iter()
        .map(|it| it.unwrap().unwrap())
        .collect();
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    for answer in answers {
        assert_eq!(answer.version, Version(4));
        assert_eq!(
            answer.events,
            [Happened::Withdrawn { amount: 8 }, Happened::Fee(1)]
        );
    }
    assert_eq!(everything(&store).await.len(), 4);
}

#[tokio::test]
async fn twins_in_one_batch_get_the_answer_although_the_second_would_be_turned_down() {
    let (bank, store) = bank();
    store.hold();
    let twins = [(); 2].map(|()| bank.clone().oneshot(open("a").key("open").unwrap()));
    let release = async {
        tokio::task::yield_now().await;
        store.release();
    };
    let (answers, ()) = futures::future::join(join_all(twins), release).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!((answers[0].replayed, answers[1].replayed), (false, true));
    assert_eq!(answers[1].events, [Happened::Opened]);
}

#[tokio::test]
async fn the_same_key_for_another_command_is_a_mismatch() {
    let (bank, _) = bank();
    bank.clone().oneshot(open("a")).await.unwrap();
    bank.clone()
        .oneshot(deposit("a", 1).key("k").unwrap())
        .await
        .unwrap();
    let other = bank
        .clone()
        .oneshot(deposit("a", 2).key("k").unwrap())
        .await;
    assert!(matches!(other, Err(CommandError::KeyMismatch)));
    let turned_down = bank.oneshot(open("a").key("k").unwrap()).await;
    assert!(matches!(turned_down, Err(CommandError::KeyMismatch)));
}

#[tokio::test]
async fn nobody_gets_the_answer_of_another_actor() {
    let (bank, _) = bank();
    bank.clone().oneshot(open("a")).await.unwrap();
    let by = |actor: &str| {
        let request = deposit("a", 1).key("k").unwrap();
        request.metadata(Metadata::root(new_id()).by(actor))
    };
    let ann = bank.clone().oneshot(by("ann")).await.unwrap();
    let bob = bank.clone().oneshot(by("bob")).await.unwrap();
    assert!(!ann.replayed && !bob.replayed);
    assert!(bank.oneshot(by("ann")).await.unwrap().replayed);
}

#[tokio::test]
async fn a_command_that_was_turned_down_may_be_tried_again_under_its_key() {
    let (bank, _) = bank();
    let request = || deposit("a", 1).key("k").unwrap();
    let error = bank.clone().oneshot(request()).await.unwrap_err();
    assert_eq!(error.rejection(), Some(&No::Missing));
    bank.clone().oneshot(open("a")).await.unwrap();
    assert!(!bank.clone().oneshot(request()).await.unwrap().replayed);
    assert!(bank.oneshot(request()).await.unwrap().replayed);
}

#[tokio::test]
async fn a_command_without_events_keeps_its_key_too() {
    let (bank, store) = bank();
    bank.clone().oneshot(open("a")).await.unwrap();
    let look = || {
        CommandRequest::new(Command::Look { account: "a" })
            .key("look")
            .unwrap()
    };
    assert!(!bank.clone().oneshot(look()).await.unwrap().replayed);
    let again = bank.oneshot(look()).await.unwrap();
    assert!(again.replayed && again.events.is_empty());
    assert_eq!(everything(&store).await.len(), 1);
}

#[tokio::test]
async fn a_lost_answer_is_found_by_its_key() {
    let (bank, store) = bank();
    bank.clone().oneshot(open("a")).await.unwrap();
    store.fail(&[Fault::After]);
    let request = || deposit("a", 5).key("k").unwrap();
    let lost = bank.clone().oneshot(request()).await;
    assert!(matches!(lost, Err(CommandError::Unknown)));
    let again = bank.clone().oneshot(request()).await.unwrap();
    assert!(again.replayed);
    assert_eq!(
        (again.version, again.events),
        (Version(2), vec![Happened::Deposited { amount: 5 }])
    );
    assert_eq!(everything(&store).await.len(), 2);
}
