use std::sync::Arc;

use sqlx::{PgPool, Row, postgres::PgRow, query, query_scalar};
use watertight_events::{Position, VersionState, Versions, ViewError, ViewId};

use super::{row::checkpoint, unknown};
use crate::{
    row::unsigned,
    transaction::{Refused, begin},
};

pub(super) async fn versions(pool: &PgPool, name: &str) -> Result<Versions, Refused> {
    let rows = query(
        "SELECT view.active, view.previous, of_view.version, of_view.store_id, of_view.position, of_view.why,
                of_view.parked, coalesce(of_view.held_until > clock_timestamp(), false) AS running
         FROM watertight.views AS view
         LEFT JOIN watertight.checkpoints AS of_view ON of_view.name = view.name
         WHERE view.name = $1 ORDER BY of_view.version",
    )
    .bind(name)
    .fetch_all(pool)
    .await?;
    let mut versions = Versions::default();
    let name: Arc<str> = name.into();
    for row in &rows {
        versions.active = row.try_get::<Option<i64>, _>("active")?.map(version);
        versions.before = row.try_get::<Option<i64>, _>("previous")?.map(version);
        if let Some(number) = row.try_get("version")? {
            let view = ViewId::new(Arc::clone(&name), version(number));
            versions.all.push(state(view, row)?);
        }
    }
    Ok(versions)
}

pub(super) async fn promote(pool: &PgPool, view: &ViewId) -> Result<(), Refused> {
    let mut transaction = begin(pool).await?;
    let active: Option<i64> =
        query_scalar("SELECT active FROM watertight.views WHERE name = $1 FOR UPDATE")
            .bind(&*view.name)
            .fetch_optional(&mut *transaction)
            .await?;
    let active = active.map(version).ok_or_else(|| unknown(view))?;
    // In the order of versions, as whoever else promotes.
    let rows = query(
        "SELECT version, position FROM watertight.checkpoints WHERE name = $1 AND version IN ($2, $3)
         ORDER BY version FOR SHARE",
    )
    .bind(&*view.name)
    .bind(i64::from(view.version))
    .bind(i64::from(active))
    .fetch_all(&mut *transaction)
    .await?;
    let position = |wanted: u32| -> Result<Position, Refused> {
        for row in &rows {
            if row.try_get::<i64, _>("version")? == i64::from(wanted) {
                return Ok(Position(unsigned(row.try_get("position")?)));
            }
        }
        Err(unknown(&ViewId::new(Arc::clone(&view.name), wanted)))
    };
    let (own, other) = (position(view.version)?, position(active)?);
    if own < other {
        return Err(Refused(ViewError::Behind {
            view: view.clone(),
            actual: own,
            active: other,
        }));
    }
    query("UPDATE watertight.views SET previous = active, active = $2 WHERE name = $1 AND active <> $2")
        .bind(&*view.name)
        .bind(i64::from(view.version))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

pub(super) async fn roll_back(pool: &PgPool, name: &str) -> Result<u32, Refused> {
    let active: Option<i64> = query_scalar(
        "UPDATE watertight.views SET active = previous, previous = NULL
         WHERE name = $1 AND previous IS NOT NULL RETURNING active",
    )
    .bind(name)
    .fetch_optional(pool)
    .await?;
    let nothing = || ViewError::NothingBefore { name: name.into() };
    Ok(active.map(version).ok_or_else(nothing)?)
}

pub(super) async fn erase(pool: &PgPool, view: &ViewId) -> Result<(), Refused> {
    let mut transaction = begin(pool).await?;
    let active: Option<i64> =
        query_scalar("SELECT active FROM watertight.views WHERE name = $1 FOR UPDATE")
            .bind(&*view.name)
            .fetch_optional(&mut *transaction)
            .await?;
    let found = query(
        "SELECT view_id, (extract(epoch FROM held_until - clock_timestamp()) * 1000000)::bigint AS left
         FROM watertight.checkpoints WHERE name = $1 AND version = $2 FOR UPDATE",
    )
    .bind(&*view.name)
    .bind(i64::from(view.version))
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(found) = found else {
        return Ok(());
    };
    let is = view.clone();
    if active == Some(i64::from(view.version)) {
        return Err(Refused(ViewError::Active { view: is }));
    }
    let left: Option<i64> = found.try_get("left")?;
    if let Some(left) = left.filter(|left| *left > 0) {
        let left = std::time::Duration::from_micros(unsigned(left));
        return Err(Refused(ViewError::Held { view: is, left }));
    }
    query("UPDATE watertight.views SET previous = NULL WHERE name = $1 AND previous = $2")
        .bind(&*view.name)
        .bind(i64::from(view.version))
        .execute(&mut *transaction)
        .await?;
    query("SET LOCAL statement_timeout = 0")
        .execute(&mut *transaction)
        .await?;
    query(
        "WITH documents AS (DELETE FROM watertight.documents WHERE view_id = $1),
              fields AS (DELETE FROM watertight.document_fields WHERE view_id = $1),
              letters AS (DELETE FROM watertight.dead_letters WHERE view_id = $1),
              lanes AS (DELETE FROM watertight.requeued_lanes WHERE view_id = $1)
         DELETE FROM watertight.checkpoints WHERE name = $2 AND version = $3",
    )
    .bind(found.try_get::<i64, _>("view_id")?)
    .bind(&*view.name)
    .bind(i64::from(view.version))
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

fn state(view: ViewId, row: &PgRow) -> sqlx::Result<VersionState> {
    let why: Option<&str> = row.try_get("why")?;
    Ok(VersionState {
        view,
        checkpoint: checkpoint(row)?,
        running: row.try_get("running")?,
        why: why.map(Arc::from),
        parked: unsigned(row.try_get("parked")?),
    })
}

/// Versions are written by this store alone, and fit.
fn version(number: i64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}
