//! Commands that are sent more than once.

use futures::future::join_all;

use crate::{
    support::everything,
    web::{Answer, bank},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_twins_are_one_command_and_get_one_answer() {
    let (web, store) = bank().await;
    Answer::to(web.open("a")).await.is_done(1);
    Answer::to(web.deposit("a", 10)).await.is_done(2);
    let twins = (0..10).map(|_| {
        let request = web.withdraw("a", 8).header("idempotency-key", "order-1");
        tokio::spawn(Answer::to(request))
    });
    let answers: Vec<_> = join_all(twins)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    for answer in &answers {
        answer.is_done(4);
        assert_eq!(answer.body, answers[0].body);
        assert_eq!(
            answer.header("consistency-token"),
            answers[0].header("consistency-token")
        );
    }
    let first = answers
        .iter()
        .filter(|answer| answer.header("idempotent-replayed").is_none());
    assert_eq!(first.count(), 1);
    assert_eq!(everything(&store).await.len(), 4);
}

#[tokio::test]
async fn the_same_key_for_another_command_is_422() {
    let (web, _) = bank().await;
    Answer::to(web.open("a").header("idempotency-key", "k"))
        .await
        .is_done(1);
    let other = Answer::to(web.open("b").header("idempotency-key", "k")).await;
    assert!(other.problem(422).contains("Idempotency-Key"), "{other:?}");
}

#[tokio::test]
async fn a_key_in_quotes_is_the_same_key() {
    let (web, _) = bank().await;
    for (key, replayed) in [("k-1", None), ("\"k-1\"", Some("true"))] {
        let answer = Answer::to(web.open("a").header("idempotency-key", key)).await;
        answer.is_done(1);
        assert_eq!(answer.header("idempotent-replayed"), replayed);
    }
}

#[tokio::test]
async fn nobody_gets_the_answer_of_another_actor() {
    let (web, store) = bank().await;
    Answer::to(web.open("a")).await.is_done(1);
    let by = |actor: Option<&str>| {
        let request = web.deposit("a", 1).header("idempotency-key", "k");
        Answer::to(match actor {
            Some(actor) => request.header("x-user", actor),
            None => request,
        })
    };
    for (actor, version) in [(Some("ann"), 2), (Some("bob"), 3), (None, 4)] {
        let first = by(actor).await;
        first.is_done(version);
        assert_eq!(first.header("idempotent-replayed"), None);
    }
    let again = by(Some("ann")).await;
    again.is_done(2);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(everything(&store).await.len(), 4);
}

#[tokio::test]
async fn a_replay_is_answered_although_the_version_has_moved_on() {
    let (web, _) = bank().await;
    Answer::to(web.open("a")).await.is_done(1);
    let deposit = || {
        let request = web.deposit("a", 1).header("idempotency-key", "k");
        Answer::to(request.header("if-match", "\"1\""))
    };
    deposit().await.is_done(2);
    deposit().await.is_done(2);
}
