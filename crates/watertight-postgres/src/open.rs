use std::sync::Arc;

use sqlx::PgPool;
use tokio::{sync::watch, task::JoinSet};
use watertight_events::{
    Limits,
    group_commit::{Bounds, GroupCommit},
};

use crate::{
    OpenError, PostgresStore, connection::Own, journal, migrate::migrate, news, store::Inner,
    writer::Batches,
};

/// Opens a [`PostgresStore`].
///
/// | setting | default |
/// |---|---|
/// | `limits`, `bounds` | those of [`Limits`] and [`Bounds`] |
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `open`"]
pub struct PostgresStoreBuilder {
    pool: PgPool,
    limits: Limits,
    bounds: Bounds,
}

impl PostgresStoreBuilder {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self {
            pool,
            limits: Limits::default(),
            bounds: Bounds::default(),
        }
    }

    /// How large a write may be.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How much may wait, and how much is one commit.
    pub const fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Brings the tables up to date, whichever process is first, and starts the writer on the current runtime.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub async fn open(self) -> Result<PostgresStore, OpenError> {
        let Self {
            pool,
            limits,
            bounds,
        } = self;
        let mut connection = pool.acquire().await?;
        let id = migrate(&mut connection).await?;
        let position = journal::head(&mut connection).await?.position;
        drop(connection);

        let options = pool.connect_options();
        let (head, committed) = (watch::Sender::new(position), watch::Sender::new(position));
        let batches = Batches::new(Own::new(&options), committed.clone(), head.clone());
        let (queue, writer) = GroupCommit::new(batches, bounds);
        // The writer ends by itself, when what waits is committed.
        tokio::spawn(writer.run());
        let mut news = JoinSet::new();
        news.spawn(news::tell(pool.clone(), committed.subscribe()));
        news.spawn(news::hear(pool.clone(), (*options).clone(), head.clone()));
        Ok(PostgresStore(Arc::new(Inner {
            id,
            limits,
            pool,
            queue,
            head,
            changes: watch::Sender::new(0),
            _news: news,
        })))
    }
}
