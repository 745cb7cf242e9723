//! What work on tables of a read model's own may do in a file.

use std::{sync::Arc, time::Duration};

use futures::future::{BoxFuture, pending};
use tempfile::TempDir;
use watertight_events::{
    EventStore, Expected, NewEvent, Position, Save, StreamId, TableStore, ViewError, ViewId,
    ViewStore, Work, WorkError, Write, new_id,
};
use watertight_sqlite::{SqliteStore, SqliteTransaction};

/// Statements of a user.
struct Sql(&'static str);

/// Work that waits.
struct Waits;

impl Work<SqliteTransaction> for Sql {
    fn run<'a>(&'a self, tx: &'a mut SqliteTransaction) -> BoxFuture<'a, Result<(), WorkError>> {
        Box::pin(async move { Ok(tx.execute_batch(self.0)?) })
    }
}

impl Work<SqliteTransaction> for Waits {
    fn run<'a>(&'a self, tx: &'a mut SqliteTransaction) -> BoxFuture<'a, Result<(), WorkError>> {
        Box::pin(async move {
            tx.execute_batch("CREATE TABLE waits (it)")?;
            pending().await
        })
    }
}

struct Tables {
    store: SqliteStore,
    save: Save,
    _folder: TempDir,
}

impl Tables {
    async fn fresh() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("tables.db")).unwrap();
        let (view, keep) = (ViewId::new("tables", 1), Duration::from_secs(3600));
        let claimed = store.claim(&view, store.id(), new_id(), keep).await;
        Self {
            save: Save::new(claimed.unwrap().lease, Position::START, Position::START),
            store,
            _folder: folder,
        }
    }

    async fn refused(&self, work: impl Work<SqliteTransaction>) -> Arc<str> {
        match self.store.save_with(&self.save, Arc::new(work)).await {
            Err(ViewError::Refused { why, .. }) => why,
            other => panic!("it is refused, not: {other:?}"),
        }
    }

    async fn work(&self, sql: &'static str) {
        let done = self.store.save_with(&self.save, Arc::new(Sql(sql))).await;
        done.unwrap();
    }

    async fn count(&self, sql: &'static str) -> u64 {
        let counted = self
            .store
            .read(|tx| tx.query_row(sql, [], |row| row.get(0)));
        counted.await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn the_writers_transaction_cannot_be_ended() {
    let tables = Tables::fresh().await;
    for sql in [
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT mine",
        "RELEASE nested",
        "ROLLBACK TO nested",
        "PRAGMA synchronous = OFF",
        "ATTACH ':memory:' AS other",
    ] {
        let why = tables.refused(Sql(sql)).await;
        assert!(why.contains("not authorized"), "{sql}: {why}");
    }
    tables.work("CREATE TABLE mine (it)").await;
}

#[tokio::test]
async fn the_stores_own_tables_can_be_read_but_not_written() {
    let tables = Tables::fresh().await;
    let event = vec![NewEvent::new("happened", "{}")];
    let write = Write::to(StreamId::new("thing", 1), Expected::Any, event);
    tables.store.write(write).await.unwrap();
    for sql in [
        "DELETE FROM events",
        "UPDATE head SET position = 0",
        "UPDATE checkpoints SET position = 9",
        "INSERT INTO VIEWS (name, active) VALUES ('x', 1)",
        "DROP TABLE documents",
        "ALTER TABLE store ADD COLUMN other",
        "CREATE TRIGGER mine AFTER INSERT ON events BEGIN SELECT 1; END",
    ] {
        let why = tables.refused(Sql(sql)).await;
        assert!(why.contains("not authorized"), "{sql}: {why}");
    }
    tables
        .work("CREATE TABLE mine AS SELECT position FROM events")
        .await;
    assert_eq!(tables.count("SELECT count(*) FROM mine").await, 1);
}

#[tokio::test]
async fn work_that_waits_is_refused_and_undone() {
    let tables = Tables::fresh().await;
    let why = tables.refused(Waits).await;
    assert!(why.contains("waits"), "{why}");
    tables.work("CREATE TABLE waits (it)").await;
}

#[tokio::test]
async fn work_that_rolls_everything_back_harms_nobody_but_itself() {
    let tables = Tables::fresh().await;
    tables
        .work("CREATE TABLE mine (it PRIMARY KEY); INSERT INTO mine VALUES (1)")
        .await;
    let event = vec![NewEvent::new("happened", "{}")];
    let write = Write::to(StreamId::new("thing", 1), Expected::Any, event);
    let bad = Arc::new(Sql("INSERT OR ROLLBACK INTO mine VALUES (1)"));
    // Both wait for the same commit.
    let (written, saved) = tokio::join!(
        tables.store.write(write),
        tables.store.save_with(&tables.save, bad)
    );
    assert_eq!(written.unwrap().position, Position(1));
    saved.unwrap_err();
    assert_eq!(tables.count("SELECT count(*) FROM events").await, 1);
    assert_eq!(tables.count("SELECT count(*) FROM mine").await, 1);
}
