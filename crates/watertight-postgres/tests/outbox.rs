//! Rows of a service's own, with events and messages in the same transaction.

mod support;

use std::{collections::HashSet, time::Duration};

use sqlx::{AssertSqlSafe, PgPool, query, query_scalar, raw_sql};
use support::{database, pool};
use tokio::{
    task::{JoinSet, yield_now},
    time::timeout,
};
use uuid::Uuid;
use watertight_events::{
    EventStore, Expected, Filter, NewEvent, Position, Recorded, StreamId, Write, WriteError, new_id,
};
use watertight_postgres::{Inbox, Outbox, OutboxError, PostgresStore};

async fn hotel() -> (PostgresStore, PgPool) {
    let pool = database().await;
    let store = PostgresStore::open(pool.clone()).await.unwrap();
    sql(&pool, "CREATE TABLE rooms (guest bigint)").await;
    (store, pool)
}

async fn sql(pool: &PgPool, statement: impl Into<String>) {
    let statement = AssertSqlSafe(statement.into());
    raw_sql(statement).execute(pool).await.unwrap();
}

async fn count(pool: &PgPool, table: &str) -> i64 {
    let select = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    query_scalar(select).fetch_one(pool).await.unwrap()
}

fn booked(guest: i64) -> NewEvent {
    NewEvent::new("booked", guest.to_string())
}

/// Books a room and stages that, and then does or does not mean it.
async fn book(pool: &PgPool, outbox: &Outbox, guest: i64, means_it: bool) {
    let mut transaction = pool.begin().await.unwrap();
    let insert = query("INSERT INTO rooms VALUES ($1)").bind(guest);
    insert.execute(&mut *transaction).await.unwrap();
    let room = StreamId::new("room", guest % 5);
    let staging = outbox.stage(&mut transaction, room, booked(guest));
    staging.await.unwrap();
    if means_it {
        transaction.commit().await.unwrap();
    } else {
        transaction.rollback().await.unwrap();
    }
}

async fn everything(store: &PostgresStore) -> Vec<Recorded> {
    let all = Filter::all();
    let page = store.read_all(Position::START, &all, 100_000);
    let events = page.await.unwrap().events;
    for (event, position) in events.iter().zip(1..) {
        assert_eq!(event.position, Position(position), "positions have no gap");
    }
    events
}

/// Waits until nothing is staged.
async fn is_moved(pool: &PgPool) {
    while count(pool, "watertight.outbox").await > 0 {
        yield_now().await;
    }
}

fn guests(events: &[Recorded]) -> Vec<i64> {
    let guest = |it: &Recorded| std::str::from_utf8(&it.event.payload).unwrap().parse();
    events.iter().map(|it| guest(it).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_committed_is_moved_once_and_what_was_not_never() {
    let (store, admin) = hotel().await;
    let name = admin.connect_options().get_database().unwrap().to_owned();
    let url = format!("{}/{name}", std::env::var("WATERTIGHT_POSTGRES").unwrap());
    let mut movers = JoinSet::new();
    for _ in 0..3 {
        // Every node runs its outbox.
        let node = PostgresStore::open(pool(&url).await).await.unwrap();
        movers.spawn(node.outbox().run());
    }
    let mut tasks = JoinSet::new();
    for task in 0..6 {
        let (pool, store) = (admin.clone(), store.clone());
        tasks.spawn(async move {
            for round in 0..30 {
                let guest = task * 1_000 + round;
                if task % 3 == 0 {
                    let room = StreamId::new("room", guest % 5);
                    let write = Write::to(room, Expected::Any, vec![booked(guest)]);
                    store.write(write).await.unwrap();
                } else {
                    book(&pool, &store.outbox(), guest, round % 4 != 0).await;
                }
            }
        });
    }
    tasks.join_all().await;
    is_moved(&admin).await;
    let events = everything(&store).await;
    let staged = guests(&events).into_iter().filter(|it| it / 1_000 % 3 != 0);
    let mut staged: Vec<_> = staged.collect();
    staged.sort_unstable();
    let rows = query_scalar("SELECT guest FROM rooms ORDER BY guest");
    assert_eq!(staged, rows.fetch_all(&admin).await.unwrap() as Vec<i64>);
    assert_eq!(events.len(), staged.len() + 60);
    assert!(movers.try_join_next().is_none(), "they go on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_transaction_that_is_open_holds_up_nobody_and_loses_nothing() {
    let (store, pool) = hotel().await;
    let outbox = store.outbox();
    tokio::spawn(outbox.clone().run());
    let mut open = pool.begin().await.unwrap();
    let first = outbox.stage(&mut open, StreamId::new("room", 1), booked(1));
    first.await.unwrap();
    // Staged later and committed before, and an event that is written meanwhile.
    book(&pool, &outbox, 2, true).await;
    let write = Write::to(StreamId::new("room", 3), Expected::Any, vec![booked(3)]);
    store.write(write).await.unwrap();
    is_moved(&pool).await;
    open.commit().await.unwrap();
    outbox.nudge();
    let mut head = store.head();
    head.wait_for(|head| *head == Position(3)).await.unwrap();
    let events = everything(&store).await;
    assert_eq!(guests(&events)[2], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_of_one_transaction_keep_their_order_over_several_chunks() {
    let (store, pool) = hotel().await;
    let outbox = store.outbox();
    let mut transaction = pool.begin().await.unwrap();
    for guest in 0..1_500 {
        let room = StreamId::new("room", guest % 5);
        outbox
            .stage(&mut transaction, room, booked(guest))
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
    let other = PostgresStore::open(pool.clone()).await.unwrap();
    let mut head = other.head();
    tokio::spawn(outbox.run());
    // Another store is told, too.
    head.wait_for(|head| *head == Position(1_500))
        .await
        .unwrap();
    let wanted: Vec<_> = (0..1_500).collect();
    assert_eq!(guests(&everything(&store).await), wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connections_that_are_cut_lose_and_double_nothing() {
    let (store, admin) = hotel().await;
    let name = admin.connect_options().get_database().unwrap().to_owned();
    let url = format!("{}/{name}", std::env::var("WATERTIGHT_POSTGRES").unwrap());
    let mover = PostgresStore::open(pool(&url).await).await.unwrap();
    let running = tokio::spawn(mover.outbox().run());
    let outbox = store.outbox();
    for round in 0..20 {
        let mut transaction = admin.begin().await.unwrap();
        for guest in round * 10..round * 10 + 10 {
            let room = StreamId::new("room", guest % 5);
            outbox
                .stage(&mut transaction, room, booked(guest))
                .await
                .unwrap();
        }
        transaction.commit().await.unwrap();
        mover.outbox().nudge();
        sql(
            &admin,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%watertight.outbox%'",
        )
        .await;
    }
    is_moved(&admin).await;
    assert!(!running.is_finished(), "it goes on");
    let events = everything(&store).await;
    let wanted: Vec<_> = (0..200).collect();
    assert_eq!(guests(&events), wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_mover_dropped_at_any_moment_loses_and_doubles_nothing() {
    let (store, pool) = hotel().await;
    let outbox = store.outbox();
    for guest in 0..60 {
        book(&pool, &outbox, guest, true).await;
        let moment = Duration::from_micros(200 * guest.cast_unsigned());
        let _ = timeout(moment, outbox.clone().run()).await;
    }
    tokio::spawn(outbox.run());
    is_moved(&pool).await;
    let found: HashSet<_> = guests(&everything(&store).await).into_iter().collect();
    assert_eq!(found.len(), 60);
    assert_eq!(everything(&store).await.len(), 60);
}

#[tokio::test]
async fn what_no_store_takes_is_refused_and_so_is_what_is_too_much() {
    let (store, pool) = hotel().await;
    let outbox = store.outbox();
    let room = || StreamId::new("room", 1);
    let mut transaction = pool.begin().await.unwrap();
    let long = NewEvent::new("booked", vec![b' '; (1 << 20) + 1]);
    let refused = outbox.stage(&mut transaction, room(), long).await;
    assert!(matches!(
        refused,
        Err(OutboxError::Refused(WriteError::TooLarge { .. }))
    ));
    let refused = outbox
        .stage(&mut transaction, StreamId::from(""), booked(1))
        .await;
    assert!(matches!(
        refused,
        Err(OutboxError::Refused(WriteError::Invalid(_)))
    ));
    outbox
        .stage(&mut transaction, room(), booked(1))
        .await
        .unwrap();
    transaction.commit().await.unwrap();

    sql(
        &pool,
        "ALTER TABLE watertight.outbox ALTER COLUMN seq RESTART WITH 200000",
    )
    .await;
    let mut transaction = pool.begin().await.unwrap();
    outbox
        .stage(&mut transaction, room(), booked(2))
        .await
        .unwrap();
    let refused = outbox.stage(&mut transaction, room(), booked(3)).await;
    assert!(matches!(refused, Err(OutboxError::Full)), "{refused:?}");
    transaction.commit().await.unwrap();
    tokio::spawn(outbox.clone().run());
    is_moved(&pool).await;
    book(&pool, &outbox, 4, true).await;
    is_moved(&pool).await;
    assert_eq!(guests(&everything(&store).await), [1, 2, 4]);
}

/// Handles a message, unless it was handled before, and gives that up if it does not mean it.
async fn handle(pool: &PgPool, inbox: &Inbox, message: Uuid, means_it: bool) -> bool {
    let mut transaction = pool.begin().await.unwrap();
    let is_new = inbox.once(&mut transaction, message).await.unwrap();
    if is_new {
        let insert = query("INSERT INTO rooms VALUES (1)");
        insert.execute(&mut *transaction).await.unwrap();
    }
    if !means_it {
        transaction.rollback().await.unwrap();
        return false;
    }
    transaction.commit().await.unwrap();
    is_new
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_message_is_handled_once_however_often_it_comes_at_once() {
    let (_store, pool) = hotel().await;
    let message = new_id();
    let mut tasks = JoinSet::new();
    for task in 0..16 {
        let pool = pool.clone();
        tasks
            .spawn(async move { handle(&pool, &Inbox::new("rooms"), message, task % 3 > 0).await });
    }
    let handled = tasks.join_all().await.into_iter().filter(|it| *it).count();
    assert_eq!((handled, count(&pool, "rooms").await), (1, 1));
    assert!(handle(&pool, &Inbox::new("bills"), message, true).await);
    assert!(handle(&pool, &Inbox::new("rooms"), new_id(), true).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn expired_messages_are_new_again_and_deleted() {
    let (store, pool) = hotel().await;
    drop(store);
    let (short, long) = (
        Inbox::new("rooms").keep(Duration::ZERO),
        Inbox::new("rooms"),
    );
    let message = new_id();
    assert!(handle(&pool, &short, message, true).await);
    assert!(handle(&pool, &short, message, true).await);
    assert!(handle(&pool, &long, new_id(), true).await);
    sql(
        &pool,
        "INSERT INTO watertight.inbox SELECT 'many', gen_random_uuid(), now() FROM generate_series(1, 2500)",
    )
    .await;
    let _store = PostgresStore::open(pool.clone()).await.unwrap();
    while count(&pool, "watertight.inbox").await > 1 {
        yield_now().await;
    }
}
