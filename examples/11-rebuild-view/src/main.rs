//! A read model is built again, mended, beside the one that is asked, while events are written and questions answered. The new
//! version is promoted when it has caught up, and the old one is there to go back to. In a SQLite file.

mod mail;
mod traffic;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use anyhow::{Result, bail};
use tower::ServiceExt;
use watertight_cqrs::{
    Event, Projection, ProjectionHandle, ProjectionState, QueryHandler, QueryRequest, View,
};
use watertight_events::{EventStore, Find, Position, ViewError, ViewStore};
use watertight_sqlite::SqliteStore;

use crate::{
    mail::{HowMany, Mail, PerDomain},
    traffic::{Traffic, send},
};

/// Events that are there before, in writes of so many.
const BEFORE: (usize, usize) = (100, 400);

/// Per cent; the rest comes while it is promoted, for more is written all the time.
const ALMOST: u64 = 99;

type Fold = BTreeMap<String, u64>;

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(folder.path().join("mails.db"))?;
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..BEFORE.0 {
        send(&store, &mut random, BEFORE.1).await?;
    }
    let one = run::<1>(&store);
    until_caught_up(&one).await?;
    println!(
        "version 1: at {}, and asked from now on",
        one.snapshot().position
    );

    let traffic = Arc::new(Traffic::default());
    let writing = tokio::spawn({
        let (traffic, store) = (Arc::clone(&traffic), store.clone());
        async move { traffic.write(store).await }
    });
    let asking = tokio::spawn({
        let (traffic, store) = (Arc::clone(&traffic), store.clone());
        async move { traffic.ask(store).await }
    });

    let two = rebuild(&store).await?;
    promote(&store, &two).await?;
    println!(
        "promoted:  b.example has {} mails now",
        how_many(&store, "b.example").await?
    );

    traffic.stop.store(true, Ordering::Relaxed);
    writing.await??;
    asking.await??;
    let (written, asked) = (
        traffic.written.load(Ordering::Relaxed),
        traffic.asked.load(Ordering::Relaxed),
    );
    assert!(written > 0 && asked > 0);
    println!(
        "meanwhile: {written} events written, {asked} questions answered, each with what was just written"
    );

    // Nothing was lost or counted twice, in either version.
    until_caught_up(&one).await?;
    until_caught_up(&two).await?;
    assert_eq!(
        stored::<1>(&store).await?,
        folded(&store, str::to_owned).await?
    );
    let mended = folded(&store, str::to_lowercase).await?;
    assert_eq!(stored::<2>(&store).await?, mended);
    assert_eq!(how_many(&store, "b.example").await?, mended["b.example"]);

    // The old version was kept up to date, and is read again at once.
    assert_eq!(store.roll_back(PerDomain::<1>::NAME).await?, 1);
    let before = how_many(&store, "b.example").await?;
    assert!(before < mended["b.example"]);
    store.promote(&PerDomain::<2>::id()).await?;
    assert_eq!(how_many(&store, "b.example").await?, mended["b.example"]);
    println!(
        "rolled back to {before} and forth to {}: both equal the fold of the events",
        mended["b.example"]
    );
    Ok(())
}

fn run<const VERSION: u32>(store: &SqliteStore) -> ProjectionHandle {
    let view = Projection::<PerDomain<VERSION>, _, _>::new(store.clone(), store.clone());
    let handle = view.handle();
    tokio::spawn(view.run());
    handle
}

/// Runs version 2 from the first event on, and shows how far it is.
async fn rebuild(store: &SqliteStore) -> Result<ProjectionHandle> {
    let two = run::<2>(store);
    let mut next = 20;
    loop {
        let now = two
            .until(|it| percent(it.position, it.head) >= next || it.lag() == 0)
            .await;
        if now.state.has_ended() {
            bail!("the rebuild has ended: {:?}", now.state);
        }
        let done = percent(now.position, now.head);
        let left = now
            .eta()
            .map_or_else(|| "?".to_owned(), |it| format!("{it:.1?}"));
        println!(
            "version 2: {done:>3} %, {} of {}, {:.0} events/s, {left} to go",
            now.position, now.head, now.rate
        );
        if done >= ALMOST {
            return Ok(two);
        }
        next = ALMOST.min((done / 20 + 1) * 20);
    }
}

fn percent(position: Position, head: Position) -> u64 {
    // Before it has begun, it knows no head.
    (position.0 * 100).checked_div(head.0).unwrap_or_default()
}

/// Reads version 2 from now on. It is refused as long as it has not read as far as version 1.
async fn promote(store: &SqliteStore, two: &ProjectionHandle) -> Result<()> {
    loop {
        match store.promote(&PerDomain::<2>::id()).await {
            Err(ViewError::Behind { active, .. }) => {
                let reached = two.until(|it| it.position >= active).await;
                if reached.state.has_ended() {
                    bail!("the rebuild has ended: {:?}", reached.state);
                }
            }
            promoted => return Ok(promoted?),
        }
    }
}

async fn until_caught_up(view: &ProjectionHandle) -> Result<()> {
    let live = |state: &ProjectionState| *state == ProjectionState::Live;
    let now = view.until(|it| live(&it.state) && it.lag() == 0).await;
    if !live(&now.state) {
        bail!("{} has ended: {:?}", now.view, now.state);
    }
    Ok(())
}

async fn how_many(store: &SqliteStore, domain: &str) -> Result<u64> {
    let handler = QueryHandler::new(HowMany, store.clone());
    let answer = handler.oneshot(QueryRequest::new(domain.to_owned()));
    Ok(answer.await?.value)
}

/// What a version has.
async fn stored<const VERSION: u32>(store: &SqliteStore) -> Result<Fold> {
    let handler = store
        .find(&PerDomain::<VERSION>::id(), &Find::all())
        .await?;
    let documents = handler.documents.into_iter();
    let counts = documents.map(|document| {
        let count = std::str::from_utf8(&document.body)?.parse()?;
        Ok((document.key, count))
    });
    counts.collect()
}

/// What it must have: all events counted, one by one.
async fn folded(store: &SqliteStore, key: impl Fn(&str) -> String) -> Result<Fold> {
    let (mut fold, mut after) = (Fold::new(), Position::START);
    loop {
        let page = store
            .read_all(after, &PerDomain::<1>::filter(), 1_000)
            .await?;
        for recorded in &page.events {
            let Mail::Sent { to } = Mail::decode(&recorded.event.kind, &recorded.event.payload)?;
            let domain = to.rsplit('@').next().unwrap_or_default();
            *fold.entry(key(domain)).or_default() += 1;
        }
        if page.at_head {
            return Ok(fold);
        }
        after = page.scanned_to;
    }
}
