//! What nodes tell each other: how far the head is, and nothing else.

use std::time::Duration;

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
    query, query_scalar,
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use watertight_events::Position;

use crate::row::unsigned;

const CHANNEL: &str = "watertight_head";

/// Commits that follow one another so closely are told together.
const TOGETHER: Duration = Duration::from_millis(5);

/// Between two looks at the head where nothing is heard: a net for what was not told.
const LEAST: Duration = Duration::from_millis(250);
const MOST: Duration = Duration::from_secs(2);

/// Tells the others what this node has committed, for as long as the store is open.
pub(crate) async fn tell(pool: PgPool, mut committed: watch::Receiver<Position>) {
    while committed.changed().await.is_ok() {
        let position = *committed.borrow_and_update();
        // If it fails, the others see it at their next look.
        let _ = query("SELECT pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(position.to_string())
            .execute(&pool)
            .await;
        sleep(TOGETHER).await;
    }
}

/// Hears what the others tell, and looks from time to time, for as long as the store is open.
pub(crate) async fn hear(pool: PgPool, options: PgConnectOptions, head: watch::Sender<Position>) {
    let own = PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with(options);
    let mut listener = None;
    let mut pause = LEAST;
    loop {
        if listener.is_none() {
            listener = listen(&own).await.ok();
        }
        let heard = match &mut listener {
            Some(listener) => timeout(pause, listener.recv()).await,
            None => {
                sleep(pause).await;
                Ok(Err(sqlx::Error::PoolClosed))
            }
        };
        let position = match heard {
            Ok(Ok(told)) => told.payload().parse().ok().map(Position),
            Ok(Err(_)) => {
                listener = None;
                look(&pool).await
            }
            Err(_) => look(&pool).await,
        };
        let mut moved = false;
        if let Some(position) = position {
            head.send_if_modified(|known| {
                moved = position > *known;
                *known = position.max(*known);
                moved
            });
        }
        pause = if moved { LEAST } else { (pause * 2).min(MOST) };
    }
}

async fn listen(pool: &PgPool) -> sqlx::Result<PgListener> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

async fn look(pool: &PgPool) -> Option<Position> {
    let head = query_scalar("SELECT position FROM watertight.head");
    let head: i64 = head.fetch_one(pool).await.ok()?;
    Some(Position(unsigned(head)))
}
