//! A service with rows and events, which reacts to its own events: what may happen to it is that it is killed.

use std::{convert::Infallible, future::Future, time::Duration};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tower::service_fn;
use uuid::Uuid;
use watertight_cqrs::{CodecError, Delivery, Emit, Event, ProjectionHandle, Reactor, Start};
use watertight_events::{
    EventStore, Expected, NewEvent, StreamId, ViewStore, Write, WriteError, new_id,
};
use watertight_postgres::PostgresStore;
use watertight_sqlite::{OutboxError, SqliteStore};

/// What is written.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// An order was paid, and a parcel is due.
    Paid {},
}

/// What is emitted.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Parcel {
    /// A parcel is due.
    Requested {},
}

impl Event for Order {}
impl Event for Parcel {}

/// What the stores do each in their own way.
pub trait Hotel: EventStore + ViewStore {
    /// Makes the table of rooms.
    fn prepare(&self) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Adds a row, and stages an event with the row's number.
    fn book(&self, guest: Uuid) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// All the rows.
    fn guests(&self) -> impl Future<Output = anyhow::Result<Vec<Uuid>>> + Send;

    /// Moves what was staged, until it is dropped.
    fn relay(self) -> impl Future<Output = Result<Infallible, WriteError>> + Send;
}

/// Writes an event.
pub async fn pay(store: &impl EventStore, order: u64) -> anyhow::Result<()> {
    let paid: NewEvent = Order::Paid {}.encode()?.into();
    let write = Write::to(StreamId::new("order", order), Expected::Any, vec![paid]);
    store.write(write).await?;
    Ok(())
}

/// Starts the relay, a reactor that has an effect on the world, and one that emits.
pub fn react<S: Hotel>(store: &S, effect: fn(Uuid)) -> [ProjectionHandle; 2] {
    tokio::spawn(store.clone().relay());
    let call = service_fn(move |paid: Delivery<Order>| async move {
        effect(paid.metadata.message);
        Ok::<_, Infallible>(())
    });
    let request = service_fn(|paid: Delivery<Order>| async move {
        let parcel = StreamId::new("parcel", paid.stream.key());
        Emit::nothing().event(parcel, &Parcel::Requested {}) as Result<_, CodecError>
    });
    let lease = Duration::from_millis(500);
    let calls = Reactor::new(
        "calls",
        Start::Beginning,
        store.clone(),
        store.clone(),
        call,
    );
    let parcels = Reactor::new(
        "parcels",
        Start::Beginning,
        store.clone(),
        store.clone(),
        request,
    );
    let (calls, parcels) = (calls.lease(lease), parcels.lease(lease));
    let handles = [calls.handle(), parcels.handle()];
    tokio::spawn(calls.run());
    tokio::spawn(parcels.run());
    handles
}

/// Writes orders and books rooms, one after the other, and says when one is acknowledged.
pub async fn trade<S: Hotel>(store: S, told: fn(Uuid)) -> anyhow::Result<()> {
    for order in 0.. {
        pay(&store, order % 10).await?;
        let guest = new_id();
        store.book(guest).await?;
        told(guest);
    }
    Ok(())
}

fn booked(guest: Uuid) -> (StreamId, NewEvent) {
    let room = StreamId::new("room", guest.as_u128() % 10);
    (room, NewEvent::new("booked", guest.to_string()))
}

impl Hotel for SqliteStore {
    async fn prepare(&self) -> anyhow::Result<()> {
        let sql = "CREATE TABLE IF NOT EXISTS rooms (guest BLOB)";
        self.transaction(move |tx| tx.execute_batch(sql)).await?;
        Ok(())
    }

    async fn book(&self, guest: Uuid) -> anyhow::Result<()> {
        let outbox = self.outbox();
        let booking = self.transaction(move |tx| {
            tx.execute("INSERT INTO rooms VALUES (?1)", [guest])?;
            let (room, booked) = booked(guest);
            outbox.stage(tx, room, booked)?;
            Ok::<_, OutboxError>(())
        });
        booking.await.context("a booking")
    }

    async fn guests(&self) -> anyhow::Result<Vec<Uuid>> {
        let read = self.read(|tx| {
            let mut select = tx.prepare("SELECT guest FROM rooms")?;
            let rows = select.query_map([], |row| row.get(0))?;
            rows.collect::<Result<_, _>>()
        });
        Ok(read.await??)
    }

    async fn relay(self) -> Result<Infallible, WriteError> {
        // What is staged is moved in the commit that stages it.
        drop(self);
        std::future::pending().await
    }
}

impl Hotel for PostgresStore {
    async fn prepare(&self) -> anyhow::Result<()> {
        let create = "CREATE TABLE IF NOT EXISTS rooms (guest uuid)";
        sqlx::query(create).execute(self.pool()).await?;
        Ok(())
    }

    async fn book(&self, guest: Uuid) -> anyhow::Result<()> {
        let mut transaction = self.pool().begin().await?;
        let insert = sqlx::query("INSERT INTO rooms VALUES ($1)").bind(guest);
        insert.execute(&mut *transaction).await?;
        let (room, booked) = booked(guest);
        self.outbox().stage(&mut transaction, room, booked).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn guests(&self) -> anyhow::Result<Vec<Uuid>> {
        let select = sqlx::query_scalar("SELECT guest FROM rooms");
        Ok(select.fetch_all(self.pool()).await?)
    }

    async fn relay(self) -> Result<Infallible, WriteError> {
        self.outbox().run().await
    }
}
