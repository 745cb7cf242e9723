//! Plans that were made while the tables were empty do not outlive that.

mod support;

use std::time::Duration;

use sqlx::{PgPool, postgres::PgPoolOptions, query, query_scalar, raw_sql};
use support::database;
use watertight_events::{
    Change, Document, EventStore, Filter, Find, Key, Lane, Position, Save, StreamId, Version,
    ViewId, ViewStore, new_id,
};
use watertight_postgres::PostgresStore;

/// Rows that make a scan dear.
const MANY: i64 = 30_000;

/// A store on one single connection, whose tables are known to be empty, and not looked at again: only a new plan is right.
async fn store() -> (PostgresStore, PgPool) {
    let options = database().await.connect_options();
    let one = PgPoolOptions::new().max_connections(1);
    let pool = one.connect_with((*options).clone()).await.unwrap();
    let store = PostgresStore::open(pool.clone()).await.unwrap();
    for table in TABLES {
        for statement in [
            format!("ALTER TABLE watertight.{table} SET (autovacuum_enabled = off)"),
            format!("VACUUM ANALYZE watertight.{table}"),
        ] {
            let statement = sqlx::AssertSqlSafe(statement);
            raw_sql(statement).execute(&pool).await.unwrap();
        }
    }
    (store, pool)
}

const TABLES: [&str; 5] = [
    "events",
    "command_log",
    "documents",
    "document_fields",
    "dead_letters",
];

/// How many rows were looked at.
async fn looked_at(pool: &PgPool) -> i64 {
    query("SELECT pg_stat_force_next_flush()")
        .execute(pool)
        .await
        .unwrap();
    let rows = query_scalar(
        "SELECT sum(seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_user_tables WHERE relname = ANY($1)",
    );
    rows.bind(&TABLES[..]).fetch_one(pool).await.unwrap()
}

async fn read(store: &PostgresStore) -> usize {
    let mut found = 0;
    for filter in [
        Filter::all(),
        Filter::all().kind("happened").category("stream"),
    ] {
        let page = store.read_all(Position(10_000), &filter, 10).await;
        found += page.unwrap().events.len();
    }
    let stream = StreamId::new("stream", 7);
    let page = store.read_stream(&stream, Version::NONE, 10).await;
    found += page.unwrap().events.len();
    let key = store.answer(&Key::new("key 7", 1)).await.unwrap();
    found + usize::from(key.is_some())
}

#[tokio::test]
async fn events_are_read_by_index_however_empty_the_tables_were_at_first() {
    let (store, pool) = store().await;
    for _ in 0..20 {
        assert_eq!(read(&store).await, 0);
    }
    query(
        "WITH moved AS (UPDATE watertight.head SET position = $1, batch = batch + 1),
              keys AS (
                  INSERT INTO watertight.command_log (key, fingerprint, answer, expires_at)
                  SELECT convert_to('key ' || at, 'UTF8'), 1, '{\"streams\":[],\"position\":1}', 'infinity'
                  FROM generate_series(1, $1) AS at
              )
         INSERT INTO watertight.events (position, stream_id, version, event_id, type, schema_version, payload, metadata)
         SELECT at, 'stream-' || at % 1000, 1 + (at - 1) / 1000, gen_random_uuid(), 'happened', 1, '', $2
         FROM generate_series(1, $1) AS at",
    )
    .bind(MANY)
    .bind(watertight_events::Metadata::root(new_id()).to_stored())
    .execute(&pool)
    .await
    .unwrap();
    let before = looked_at(&pool).await;
    for _ in 0..20 {
        assert_eq!(read(&store).await, 31);
    }
    let rows = looked_at(&pool).await - before;
    assert!(rows < MANY, "less than one scan in all: {rows}");
}

#[tokio::test]
async fn views_are_read_and_written_by_index_however_empty_they_were_at_first() {
    let (store, pool) = store().await;
    let view = ViewId::new("things", 1);
    let claim = store.claim(&view, store.id(), new_id(), Duration::from_secs(3600));
    let lease = claim.await.unwrap().lease;
    let keys: Vec<_> = (0..200).map(|at| format!("key {}", at * 100)).collect();
    let lanes: Vec<_> = keys.iter().map(|key| Lane::Key(key.clone())).collect();
    let mut at = Position::START;
    let mut turn = async |from: usize| {
        for turn in from..from + 10 {
            let changes = keys.iter().map(|key| {
                let document = Document::new(key.as_str(), turn.to_string());
                Change::Put(document.indexed("turn", turn.to_string()))
            });
            let mut save = Save::new(lease.clone(), at, at.after(1));
            save.changes = changes.collect();
            if turn % 5 == 4 {
                save.changes = keys.iter().cloned().map(Change::Delete).collect();
            }
            store.save(&save).await.unwrap();
            at = at.after(1);
            let loaded = store.load(&view, &lanes).await.unwrap();
            let found = store.find(&view, &Find::by("turn", turn.to_string())).await;
            let found = found.unwrap().documents.len();
            let listed = store
                .find(&view, &Find::all().after("key 77").limit(3))
                .await;
            listed.unwrap();
            assert_eq!(
                (loaded.documents.len(), found),
                if turn % 5 == 4 { (0, 0) } else { (200, 100) }
            );
        }
    };
    turn(0).await;
    query(
        "WITH fields AS (
             INSERT INTO watertight.document_fields (view_id, field, value, key)
             SELECT view_id, 'turn', 'old', 'old ' || at
             FROM watertight.checkpoints CROSS JOIN generate_series(1, $1) AS at
         )
         INSERT INTO watertight.documents (view_id, key, body, fields)
         SELECT view_id, 'old ' || at, '', '[[\"turn\", \"old\"]]'
         FROM watertight.checkpoints CROSS JOIN generate_series(1, $1) AS at",
    )
    .bind(MANY)
    .execute(&pool)
    .await
    .unwrap();
    let before = looked_at(&pool).await;
    turn(10).await;
    let rows = looked_at(&pool).await - before;
    assert!(rows < MANY, "less than one scan in all: {rows}");
}
