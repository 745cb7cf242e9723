use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};
use watertight_events::{
    Limits,
    group_commit::{Bounds, GroupCommit},
};

use crate::{
    OpenError, PostgresStore, connection::Own, inbox, inline::Models, journal, locked::Commits,
    migrate::migrate, news, store::Inner, writer::Batches,
};

/// Opens a [`PostgresStore`].
///
/// | setting | default |
/// |---|---|
/// | `inline_limit` | 1 s for an inline read model in one commit; events that take longer are refused |
/// | `limits`, `bounds` | those of [`Limits`] and [`Bounds`] |
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `open`"]
pub struct PostgresStoreBuilder {
    pool: PgPool,
    inline_limit: Duration,
    limits: Limits,
    bounds: Bounds,
}

impl PostgresStoreBuilder {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self {
            pool,
            inline_limit: Duration::from_secs(1),
            limits: Limits::default(),
            bounds: Bounds::default(),
        }
    }

    /// How long an inline read model may take in one commit.
    pub const fn inline_limit(mut self, time: Duration) -> Self {
        self.inline_limit = time;
        self
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
            inline_limit,
            limits,
            bounds,
        } = self;
        let id = migrate(&pool).await?;
        let mut connection = pool.acquire().await?;
        let position = journal::head(&mut connection).await?.position;
        drop(connection);

        let options = pool.connect_options();
        let (head, committed) = (watch::Sender::new(position), watch::Sender::new(position));
        let changes = watch::Sender::new(0);
        let models = Models::default();
        let inline = Commits {
            models: models.clone(),
            limit: inline_limit,
            changes: changes.clone(),
        };
        let batches = Batches::new(Own::new(&options), committed.clone(), head.clone(), inline);
        let (queue, writer) = GroupCommit::new(batches, bounds);
        // The writer ends by itself, when what waits is committed.
        tokio::spawn(writer.run());
        let mut news = JoinSet::new();
        news.spawn(news::tell(pool.clone(), committed.subscribe()));
        news.spawn(inbox::tidy(pool.clone()));
        news.spawn(news::hear(pool.clone(), (*options).clone(), head.clone()));
        Ok(PostgresStore(Arc::new(Inner {
            id,
            limits,
            pool,
            queue,
            head,
            committed,
            staged: Notify::new(),
            changes,
            models,
            inline_limit,
            _news: news,
        })))
    }
}
