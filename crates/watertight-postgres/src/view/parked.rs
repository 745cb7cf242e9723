use sqlx::{PgPool, Row, postgres::PgRow, query, query_scalar};
use watertight_events::{Lane, Parked, ViewId};

use super::{
    row::{self, lane_columns},
    unknown,
};
use crate::{
    row::{limited, signed, unsigned},
    transaction::{Refused, begin, rows},
};

pub(super) async fn parked(
    pool: &PgPool,
    view: &ViewId,
    after: Option<&Parked>,
    limit: usize,
) -> Result<Vec<Parked>, Refused> {
    let (kind, lane) = after.map_or((-1, ""), |it| lane_columns(&it.lane));
    let query = query(
        "SELECT letter.*
         FROM watertight.checkpoints AS view
         LEFT JOIN LATERAL (
             SELECT kind, lane, position, why FROM watertight.dead_letters
             WHERE view_id = view.view_id AND (kind, lane, position) > ($3, $4, $5)
             ORDER BY kind, lane, position LIMIT $6
         ) AS letter ON true
         WHERE view.name = $1 AND view.version = $2
         ORDER BY letter.kind, letter.lane, letter.position",
    )
    .bind(&*view.name)
    .bind(i64::from(view.version))
    .bind(kind)
    .bind(lane)
    .bind(after.map_or(0, |it| signed(it.position.0)))
    .bind(limited(limit));
    let rows = rows(pool, query).await?;
    listed(view, &rows)
}

pub(super) async fn requeue(pool: &PgPool, view: &ViewId, lane: &Lane) -> Result<u64, Refused> {
    let mut transaction = begin(pool).await?;
    let id: Option<i64> = query_scalar(
        "SELECT view_id FROM watertight.checkpoints WHERE name = $1 AND version = $2 FOR UPDATE",
    )
    .bind(&*view.name)
    .bind(i64::from(view.version))
    .fetch_optional(&mut *transaction)
    .await?;
    let id = id.ok_or_else(|| unknown(view))?;
    let (kind, lane) = lane_columns(lane);
    let waiting: i64 = query_scalar(
        "WITH waiting AS (
             SELECT count(*) AS events FROM watertight.dead_letters WHERE view_id = $1 AND kind = $2 AND lane = $3
         ), requeued AS (
             INSERT INTO watertight.requeued_lanes (view_id, kind, lane)
             SELECT $1, $2, $3 FROM waiting WHERE events > 0 ON CONFLICT DO NOTHING
         )
         SELECT events FROM waiting",
    )
    .bind(id)
    .bind(kind)
    .bind(lane)
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(unsigned(waiting))
}

pub(super) async fn requeued(
    pool: &PgPool,
    view: &ViewId,
    limit: usize,
) -> Result<Vec<Parked>, Refused> {
    let query = query(
        "SELECT letter.*
         FROM watertight.checkpoints AS view
         LEFT JOIN LATERAL (
             SELECT kind, lane FROM watertight.requeued_lanes
             WHERE view_id = view.view_id ORDER BY kind, lane LIMIT 1
         ) AS first ON true
         LEFT JOIN LATERAL (
             SELECT kind, lane, position, why FROM watertight.dead_letters
             WHERE view_id = view.view_id AND kind = first.kind AND lane = first.lane
             ORDER BY position LIMIT $3
         ) AS letter ON true
         WHERE view.name = $1 AND view.version = $2
         ORDER BY letter.position",
    )
    .bind(&*view.name)
    .bind(i64::from(view.version))
    .bind(limited(limit));
    let rows = rows(pool, query).await?;
    listed(view, &rows)
}

/// The events of rows of which one is there for the view alone.
fn listed(view: &ViewId, rows: &[PgRow]) -> Result<Vec<Parked>, Refused> {
    let first = rows.first().ok_or_else(|| unknown(view))?;
    if first.try_get::<Option<i64>, _>("position")?.is_none() {
        return Ok(Vec::new());
    }
    Ok(rows.iter().map(row::parked).collect::<sqlx::Result<_>>()?)
}
