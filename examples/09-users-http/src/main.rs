//! Users by CQRS over HTTP, with a deadline and a bulkhead in front of the commands: overload is answered, what was written is
//! read, and what was sent twice is done once. In a SQLite file, or on PostgreSQL with its URL as the argument.

mod client;
mod service;
mod slow;

use std::{env, time::Duration};

use anyhow::Result;
use axum::Router;
use futures::future::try_join_all;
use serde_json::json;
use sqlx::PgPool;
use tokio::{net::TcpListener, task::JoinSet};
use watertight::Bulkhead;
use watertight_events::{EventStore, MemoryStore, ViewStore, new_id};
use watertight_postgres::PostgresStore;
use watertight_sqlite::SqliteStore;

use crate::{
    client::{Answer, Client},
    service::{AT_ONCE, app},
    slow::Slow,
};

/// How long a command may take.
const LIMIT: Duration = Duration::from_secs(5);

/// The same for the service that is made to exceed it.
const SHORT: Duration = Duration::from_millis(50);

#[tokio::main]
async fn main() -> Result<()> {
    match env::args().nth(1) {
        Some(url) => {
            let store = PostgresStore::open(PgPool::connect(&url).await?).await?;
            play(&Slow::new(store.clone()), store).await
        }
        None => {
            let folder = tempfile::tempdir()?;
            let store = SqliteStore::open(folder.path().join("users.db"))?;
            play(&Slow::new(store.clone()), store).await
        }
    }
}

async fn play<E: EventStore, V: ViewStore>(slow: &Slow<E>, views: V) -> Result<()> {
    let app = app(slow.clone(), views, LIMIT).await?;
    let users = serve(app.router).await?;
    // On a store that is there from another time, users of this run have names of their own.
    let ann = format!("ann-{}", new_id().simple());

    one_user(&users, &ann).await?;
    read_your_writes(&users, &format!("{ann}-often")).await?;
    twins(&users, &format!("{ann}-twin")).await?;
    overload(&users, &app.bulkhead, slow, &ann).await?;
    let hasty = hasty(slow).await?;
    too_late(&hasty, &users, slow, &format!("{ann}-late")).await?;
    app.views.stop().await;
    Ok(())
}

/// A user is created and changes the address, and only who knows the present version may.
async fn one_user(users: &Client, id: &str) -> Result<()> {
    let created = Answer::to(users.create(id, "ann@old.example")).await?;
    assert_eq!((created.status, created.header("etag")?), (200, "\"1\""));
    let again = Answer::to(users.create(id, "ann@old.example")).await?;
    assert_eq!(again.status, 422);
    assert_eq!(again.body["detail"], "there is such a user already");

    // The tag of what was read is good for a command.
    let path = format!("/users/{id}");
    let read = Answer::to(users.query(&path, created.header("consistency-token")?)).await?;
    let change = || users.change_email(id, "ann@new.example");
    let tag = read.header("etag")?;
    let changed = Answer::to(change().header("if-match", tag)).await?;
    assert_eq!((changed.status, changed.header("etag")?), (200, "\"2\""));
    let stale = Answer::to(change().header("if-match", tag)).await?;
    assert_eq!(stale.status, 412);
    let nobody = Answer::to(users.change_email(&format!("{id}-not"), "a@b.example")).await?;
    assert_eq!(nobody.status, 404);

    let events = users.events(id).await?;
    let expected = json!([
        { "version": 1, "event": { "user_created": { "email": "ann@old.example" } } },
        { "version": 2, "event": { "email_changed": { "email": "ann@new.example" } } },
    ]);
    assert_eq!(events.body, expected);
    println!("one user:  created, changed, and refused at a version that is past");
    Ok(())
}

/// Whoever sends back the token of a command reads what it has written, in every view; and what has not changed is not sent.
async fn read_your_writes(users: &Client, id: &str) -> Result<()> {
    Answer::to(users.create(id, &format!("x@{id}-0.example"))).await?;
    for round in 1..=20 {
        let [before, now] = [round - 1, round].map(|n| format!("{id}-{n}.example"));
        let changed = Answer::to(users.change_email(id, &format!("x@{now}"))).await?;
        let token = changed.header("consistency-token")?;
        let read = async |path: String| Answer::to(users.query(&path, token)).await;
        let profile = read(format!("/users/{id}")).await?;
        assert_eq!(profile.body["email"], format!("x@{now}"));
        let old = read(format!("/domains/{before}")).await?;
        assert_eq!(old.body, json!({ "users": [], "more": false }));
        let new = read(format!("/domains/{now}")).await?;
        assert_eq!(new.body, json!({ "users": [profile.body], "more": false }));

        let again = users.query(&format!("/domains/{now}"), token);
        let again = again.header("if-none-match", new.header("etag")?);
        assert_eq!(Answer::to(again).await?.status, 304);
        let activity = read("/activity".to_owned()).await?;
        assert!(activity.body["changes"].as_u64() >= Some(round));
    }
    println!("your own:  20 changes, each read back at once in every view");
    Ok(())
}

/// Ten times the same request under one key is one user.
async fn twins(users: &Client, id: &str) -> Result<()> {
    let twins = (0..10).map(|_| {
        let create = users.create(id, "twin@old.example");
        Answer::to(create.header("idempotency-key", id))
    });
    let answers = try_join_all(twins).await?;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let replayed = |answer: &&Answer| answer.header("idempotent-replayed").is_ok();
    assert_eq!(answers.iter().filter(replayed).count(), 9);
    let events = users.events(id).await?.body;
    assert_eq!(events.as_array().map(Vec::len), Some(1));
    println!("ten twins: one user, and ten times the same answer");
    Ok(())
}

/// The store hangs: as many commands as the bulkhead has permits wait for it, the others are told to come back. Reading
/// goes on.
async fn overload<E>(users: &Client, bulkhead: &Bulkhead, slow: &Slow<E>, id: &str) -> Result<()> {
    slow.set(true);
    let mut waiting = JoinSet::new();
    for n in 0..AT_ONCE {
        let create = users.create(&format!("{id}-{n}"), "many@old.example");
        waiting.spawn(Answer::to(create));
    }
    while bulkhead.snapshot().in_flight < AT_ONCE {
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        let refused = Answer::to(users.create(&format!("{id}-more"), "a@b.example")).await?;
        assert_eq!((refused.status, refused.header("retry-after")?), (503, "1"));
        assert_eq!(refused.header("content-type")?, "application/problem+json");
        assert_eq!(refused.body["title"], "Service Unavailable");
    }
    assert_eq!(users.events(id).await?.status, 200);
    slow.set(false);
    while let Some(answer) = waiting.join_next().await {
        assert_eq!(answer??.status, 200);
    }
    let none = users.events(&format!("{id}-more")).await?;
    assert_eq!(none.body, json!([]), "nothing was done of what was refused");
    println!("overload:  20 answered with 503, the {AT_ONCE} before them done");
    Ok(())
}

/// The store hangs for longer than the deadline; the same key tells later that nothing was done, and does it.
async fn too_late<E>(hasty: &Client, users: &Client, slow: &Slow<E>, id: &str) -> Result<()> {
    let create = |service: &Client| {
        let create = service.create(id, "late@old.example");
        Answer::to(create.header("idempotency-key", id))
    };
    slow.set(true);
    assert_eq!(create(hasty).await?.status, 504);
    slow.set(false);
    let again = create(users).await?;
    assert_eq!((again.status, again.header("etag")?), (200, "\"1\""));
    println!("too late:  504 after {SHORT:?}, and done when it was sent again");
    Ok(())
}

/// The same service for those who are in a hurry, with read models of its own.
async fn hasty<E: EventStore>(slow: &Slow<E>) -> Result<Client> {
    let app = app(slow.clone(), MemoryStore::new(), SHORT).await?;
    serve(app.router).await
}

async fn serve(app: Router) -> Result<Client> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(Client::new(url))
}
