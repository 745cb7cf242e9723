use anyhow::{Context, bail};
use sqlx::{PgConnection, PgPool, query};
use tokio::{
    sync::{mpsc, oneshot},
    task::yield_now,
};
use uuid::Uuid;
use watertight_benches::events::{Ask, Outcome, Subject};

use crate::{
    cached::Cached,
    rows::{KIND, METADATA, PAYLOAD, Row},
    server,
};

const INSERT: &str = "
INSERT INTO events (stream_id, version, event_id, type, schema_version, payload, metadata)
SELECT * FROM UNNEST($1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::bigint[], $6::bytea[], $7::bytea[])";

/// One insert for everything that waits, on one connection.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    queue: mpsc::Sender<(Row, oneshot::Sender<bool>)>,
    cached: Cached,
    pool: PgPool,
}

impl Queue {
    pub(crate) async fn open(ask: &Ask) -> anyhow::Result<Self> {
        let connection = server::connect(ask).await?;
        let (queue, rows) = mpsc::channel(10_000);
        tokio::spawn(write(connection, rows));
        Ok(Self {
            queue,
            cached: Cached::default(),
            pool: server::pool(ask).await?,
        })
    }
}

impl Subject for Queue {
    async fn create(&self, id: Uuid) -> anyhow::Result<Outcome> {
        self.update(id).await
    }

    async fn update(&self, id: Uuid) -> anyhow::Result<Outcome> {
        let row = Row::new(id, self.cached.next(id));
        let (done, is_done) = oneshot::channel();
        self.queue.send((row, done)).await?;
        if !is_done.await.context("the writer has ended")? {
            bail!("an insert has failed");
        }
        Ok(Outcome::Done)
    }

    async fn stored(&self, id: Uuid) -> anyhow::Result<u64> {
        server::stored(&self.pool, id).await
    }
}

async fn write(
    mut connection: PgConnection,
    mut queue: mpsc::Receiver<(Row, oneshot::Sender<bool>)>,
) {
    while let Some(first) = queue.recv().await {
        yield_now().await;
        let (mut rows, mut waiting) = (vec![first.0], vec![first.1]);
        while let Ok((row, done)) = queue.try_recv() {
            rows.push(row);
            waiting.push(done);
        }
        let written = insert(&mut connection, &rows).await;
        for done in waiting {
            // A client that is gone needs no answer.
            let _ = done.send(written.is_ok());
        }
    }
}

async fn insert(connection: &mut PgConnection, rows: &[Row]) -> sqlx::Result<()> {
    let columns = rows.iter();
    query(INSERT)
        .bind(columns.clone().map(|row| &*row.stream).collect::<Vec<_>>())
        .bind(columns.clone().map(|row| row.version).collect::<Vec<_>>())
        .bind(columns.map(|row| row.event).collect::<Vec<_>>())
        .bind(vec![KIND; rows.len()])
        .bind(vec![1_i64; rows.len()])
        .bind(vec![PAYLOAD; rows.len()])
        .bind(vec![METADATA; rows.len()])
        .execute(connection)
        .await?;
    Ok(())
}
