use std::{sync::Arc, time::Duration};

use sqlx::{PgPool, Row, postgres::PgRow, query};
use uuid::Uuid;
use watertight_events::{Claimed, Lease, StoreId, ViewError, ViewId};

use super::row::checkpoint;
use crate::{
    row::{micros, unsigned},
    transaction::{Refused, begin},
};

pub(super) async fn claim(
    pool: &PgPool,
    view: &ViewId,
    events: StoreId,
    owner: Uuid,
    keep: Duration,
) -> Result<Claimed, Refused> {
    let kept = query(
        "UPDATE watertight.checkpoints SET held_until = clock_timestamp() + $5 * interval '1 microsecond'
         WHERE name = $1 AND version = $2 AND store_id = $3 AND owner = $4
         RETURNING store_id, position, epoch, parked",
    )
    .bind(&*view.name)
    .bind(i64::from(view.version))
    .bind(events.0)
    .bind(owner)
    .bind(micros(keep))
    .fetch_optional(pool)
    .await?;
    if let Some(row) = kept {
        return Ok(claimed(view, owner, &row)?);
    }
    let mut transaction = begin(pool).await?;
    query(
        "WITH named AS (
             INSERT INTO watertight.views (name, active) VALUES ($1, $2) ON CONFLICT DO NOTHING
         )
         INSERT INTO watertight.checkpoints (name, version, store_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(&*view.name)
    .bind(i64::from(view.version))
    .bind(events.0)
    .execute(&mut *transaction)
    .await?;
    let row = query(
        "SELECT store_id, owner IS DISTINCT FROM $3 AS is_others,
                (extract(epoch FROM held_until - clock_timestamp()) * 1000000)::bigint AS left
         FROM watertight.checkpoints WHERE name = $1 AND version = $2 FOR UPDATE",
    )
    .bind(&*view.name)
    .bind(i64::from(view.version))
    .bind(owner)
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(row) = row else {
        let why = format!("view {view} was erased meanwhile");
        return Err(ViewError::store(true, why).into());
    };
    let view = view.clone();
    let store = StoreId(row.try_get("store_id")?);
    if store != events {
        return Err(ViewError::OtherStore { view, store }.into());
    }
    let left: Option<i64> = row.try_get("left")?;
    if let Some(left) = left.filter(|left| *left > 0)
        && row.try_get("is_others")?
    {
        let left = Duration::from_micros(unsigned(left));
        return Err(ViewError::Held { view, left }.into());
    }
    let row = query(
        "UPDATE watertight.checkpoints SET
             epoch = CASE WHEN owner IS NOT DISTINCT FROM $3 THEN epoch ELSE epoch + 1 END,
             why = CASE WHEN owner IS NOT DISTINCT FROM $3 THEN why END,
             owner = $3, held_until = clock_timestamp() + $4 * interval '1 microsecond'
         WHERE name = $1 AND version = $2
         RETURNING store_id, position, epoch, parked",
    )
    .bind(&*view.name)
    .bind(i64::from(view.version))
    .bind(owner)
    .bind(micros(keep))
    .fetch_one(&mut *transaction)
    .await?;
    let claimed = claimed(&view, owner, &row)?;
    transaction.commit().await?;
    Ok(claimed)
}

pub(super) async fn release(
    pool: &PgPool,
    lease: &Lease,
    why: Option<Arc<str>>,
) -> Result<(), Refused> {
    // PostgreSQL's text has everything but this.
    let why = why.map(|why| why.replace('\0', "\u{fffd}"));
    query(
        "UPDATE watertight.checkpoints SET owner = NULL, held_until = NULL, why = $5
         WHERE name = $1 AND version = $2 AND owner = $3 AND epoch = $4",
    )
    .bind(&*lease.view.name)
    .bind(i64::from(lease.view.version))
    .bind(lease.owner)
    .bind(lease.epoch.cast_signed())
    .bind(why)
    .execute(pool)
    .await?;
    Ok(())
}

fn claimed(view: &ViewId, owner: Uuid, row: &PgRow) -> sqlx::Result<Claimed> {
    Ok(Claimed {
        lease: Lease {
            view: view.clone(),
            owner,
            epoch: unsigned(row.try_get("epoch")?),
        },
        checkpoint: checkpoint(row)?,
        parked: unsigned(row.try_get("parked")?),
    })
}
