use sqlx::{PgPool, query};
use uuid::Uuid;
use watertight_benches::events::{Ask, Outcome, Subject};

use crate::{
    cached::Cached,
    rows::{KIND, METADATA, PAYLOAD, Row},
    server,
};

const INSERT: &str = "
INSERT INTO events (stream_id, version, event_id, type, schema_version, payload, metadata)
VALUES ($1, $2, $3, $4, 1, $5, $6)";

/// One insert per command, each a commit, on as many connections as there are clients.
#[derive(Clone, Debug)]
pub(crate) struct Inserts {
    pool: PgPool,
    cached: Cached,
}

impl Inserts {
    pub(crate) async fn open(ask: &Ask) -> anyhow::Result<Self> {
        Ok(Self {
            pool: server::pool(ask).await?,
            cached: Cached::default(),
        })
    }
}

impl Subject for Inserts {
    async fn create(&self, id: Uuid) -> anyhow::Result<Outcome> {
        self.update(id).await
    }

    async fn update(&self, id: Uuid) -> anyhow::Result<Outcome> {
        let row = Row::new(id, self.cached.next(id));
        query(INSERT)
            .bind(row.stream)
            .bind(row.version)
            .bind(row.event)
            .bind(KIND)
            .bind(PAYLOAD)
            .bind(METADATA)
            .execute(&self.pool)
            .await?;
        Ok(Outcome::Done)
    }

    async fn stored(&self, id: Uuid) -> anyhow::Result<u64> {
        server::stored(&self.pool, id).await
    }
}
