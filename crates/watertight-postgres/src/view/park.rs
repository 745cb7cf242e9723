//! Events that are left out of a view, within the transaction of a save.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sqlx::{PgConnection, query};
use watertight_events::{Lane, Position, Save};

use super::row::Lanes;
use crate::{row::signed, view::row::lane};

type Letter<'a> = (&'a Lane, Position);

/// Unparks and parks, and says by how many more or fewer are parked.
pub(super) async fn park(
    connection: &mut PgConnection,
    view: i64,
    save: &Save,
) -> sqlx::Result<i64> {
    let park = save.park.iter();
    let parked: BTreeMap<Letter<'_>, _> = park
        .clone()
        .map(|it| ((&it.lane, it.position), it.why.as_deref()))
        .collect();
    let unpark = save.unpark.iter().map(|(lane, position)| (lane, *position));
    // What is parked anew is written anew.
    let gone: BTreeSet<Letter<'_>> = unpark.chain(parked.keys().copied()).collect();
    let touched: HashSet<_> = gone.iter().map(|(lane, _)| *lane).collect();
    let deleted = delete(connection, view, &gone).await?;
    if !parked.is_empty() {
        insert(connection, view, &parked).await?;
    }
    let mut not_again = touched.clone();
    let held = held(connection, view, touched.iter().copied().collect()).await?;
    not_again.retain(|lane| !held.contains(*lane));
    not_again.extend(park.filter(|it| it.why.is_some()).map(|it| &it.lane));
    take_back(connection, view, not_again.into_iter().collect()).await?;
    let more = parked.len() as i64 - deleted;
    if more != 0 {
        query("UPDATE watertight.checkpoints SET parked = parked + $3 WHERE name = $1 AND version = $2")
            .bind(&*save.lease.view.name)
            .bind(i64::from(save.lease.view.version))
            .bind(more)
            .execute(connection)
            .await?;
    }
    Ok(more)
}

/// Those of the lanes that wait.
pub(super) async fn held(
    connection: &mut PgConnection,
    view: i64,
    lanes: Lanes<'_>,
) -> sqlx::Result<HashSet<Lane>> {
    let rows = query(
        "SELECT letter.kind, letter.lane FROM UNNEST($2::smallint[], $3::text[]) AS wanted (kind, lane)
         CROSS JOIN LATERAL (
             SELECT kind, lane FROM watertight.dead_letters
             WHERE view_id = $1 AND kind = wanted.kind AND lane = wanted.lane LIMIT 1
         ) AS letter",
    )
    .bind(view)
    .bind(lanes.kinds)
    .bind(lanes.names)
    .fetch_all(connection)
    .await?;
    rows.iter().map(lane).collect()
}

async fn delete(
    connection: &mut PgConnection,
    view: i64,
    gone: &BTreeSet<Letter<'_>>,
) -> sqlx::Result<i64> {
    let lanes: Lanes<'_> = gone.iter().map(|(lane, _)| *lane).collect();
    let positions = gone.iter().map(|(_, position)| signed(position.0));
    let deleted = query(
        "DELETE FROM watertight.dead_letters WHERE ctid = ANY(ARRAY(
             SELECT letter.ctid FROM UNNEST($2::smallint[], $3::text[], $4::bigint[]) AS gone (kind, lane, position)
             CROSS JOIN LATERAL (
                 SELECT ctid FROM watertight.dead_letters AS letter
                 WHERE view_id = $1 AND letter.kind = gone.kind AND letter.lane = gone.lane
                   AND letter.position = gone.position LIMIT 1
             ) AS letter
         ))",
    )
    .bind(view)
    .bind(lanes.kinds)
    .bind(lanes.names)
    .bind(positions.collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected().cast_signed())
}

async fn insert(
    connection: &mut PgConnection,
    view: i64,
    parked: &BTreeMap<Letter<'_>, Option<&str>>,
) -> sqlx::Result<()> {
    let lanes: Lanes<'_> = parked.keys().map(|(lane, _)| *lane).collect();
    let positions = parked.keys().map(|(_, position)| signed(position.0));
    // PostgreSQL's text has everything but this.
    let text = |why: &Option<&str>| why.map(|why| why.replace('\0', "\u{fffd}"));
    query(
        "INSERT INTO watertight.dead_letters (view_id, kind, lane, position, why)
         SELECT $1, parked.* FROM UNNEST($2::smallint[], $3::text[], $4::bigint[], $5::text[]) AS parked",
    )
    .bind(view)
    .bind(lanes.kinds)
    .bind(lanes.names)
    .bind(positions.collect::<Vec<_>>())
    .bind(parked.values().map(text).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// These lanes are not to be tried again, or no longer.
async fn take_back(connection: &mut PgConnection, view: i64, lanes: Lanes<'_>) -> sqlx::Result<()> {
    query(
        "DELETE FROM watertight.requeued_lanes WHERE ctid = ANY(ARRAY(
             SELECT requeued.ctid FROM UNNEST($2::smallint[], $3::text[]) AS gone (kind, lane)
             CROSS JOIN LATERAL (
                 SELECT ctid FROM watertight.requeued_lanes AS requeued
                 WHERE view_id = $1 AND requeued.kind = gone.kind AND requeued.lane = gone.lane LIMIT 1
             ) AS requeued
         ))",
    )
    .bind(view)
    .bind(lanes.kinds)
    .bind(lanes.names)
    .execute(connection)
    .await?;
    Ok(())
}
