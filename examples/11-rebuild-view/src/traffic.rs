//! Mails that are sent all the time, and somebody who asks all the time how many there are.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Result, ensure};
use tower::ServiceExt;
use watertight_cqrs::{ConsistencyToken, Event, QueryHandler, QueryRequest};
use watertight_events::{EventStore, Expected, NewEvent, StreamId, Write};
use watertight_sqlite::SqliteStore;

use crate::mail::{HowMany, Mail};

const DOMAINS: [&str; 6] = [
    "a.example",
    "b.example",
    "B.EXAMPLE",
    "b.Example",
    "c.example",
    "d.example",
];

/// What the traffic has done so far.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) stop: AtomicBool,
    pub(crate) written: AtomicU64,
    pub(crate) asked: AtomicU64,
}

/// So many mails to anywhere, in one write.
pub(crate) async fn send(
    store: &SqliteStore,
    random: &mut fastrand::Rng,
    mails: usize,
) -> Result<ConsistencyToken> {
    let mailbox = StreamId::new("mailbox", random.u8(..));
    let events = (0..mails).map(|n| {
        let to = format!("{n}@{}", DOMAINS[random.usize(..DOMAINS.len())]);
        Ok(NewEvent::from(Mail::Sent { to }.encode()?))
    });
    let write = Write::to(mailbox, Expected::Any, events.collect::<Result<_>>()?);
    let written = store.write(write).await?;
    Ok(ConsistencyToken {
        store: store.id(),
        position: written.position,
    })
}

impl Traffic {
    /// Sends until it is told to stop.
    pub(crate) async fn write(&self, store: SqliteStore) -> Result<()> {
        let mut random = fastrand::Rng::with_seed(2);
        while !self.stop.load(Ordering::Relaxed) {
            send(&store, &mut random, 5).await?;
            self.written.fetch_add(5, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Sends one mail after the other and asks after each, until it is told to stop. Every answer has what was just sent.
    pub(crate) async fn ask(&self, store: SqliteStore) -> Result<()> {
        let mut random = fastrand::Rng::with_seed(3);
        let how_many = QueryHandler::new(HowMany, store.clone());
        let mut least = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let token = send(&store, &mut random, 1).await?;
            let request = QueryRequest::new("a.example".to_owned()).at_least(token);
            let answer = how_many.clone().oneshot(request).await?;
            ensure!(answer.as_of >= token.position, "an answer is too old");
            ensure!(
                answer.value >= least,
                "an answer went back to {}",
                answer.value
            );
            least = answer.value;
            self.written.fetch_add(1, Ordering::Relaxed);
            self.asked.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}
