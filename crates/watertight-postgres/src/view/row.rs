//! What views are made of, as columns.

use std::sync::Arc;

use bytes::Bytes;
use sqlx::{Row, postgres::PgRow};
use watertight_events::{Checkpoint, Document, Lane, Parked, Position, StoreId};

use crate::row::unsigned;

/// Lanes as PostgreSQL takes many at once.
#[derive(Debug, Default)]
pub(super) struct Lanes<'a> {
    pub(super) kinds: Vec<i16>,
    pub(super) names: Vec<&'a str>,
}

impl<'a> FromIterator<&'a Lane> for Lanes<'a> {
    fn from_iter<T: IntoIterator<Item = &'a Lane>>(lanes: T) -> Self {
        let (kinds, names) = lanes.into_iter().map(lane_columns).unzip();
        Self { kinds, names }
    }
}

/// The kind of a lane and its name; they sort as lanes do.
pub(super) fn lane_columns(lane: &Lane) -> (i16, &str) {
    match lane {
        Lane::Key(key) => (0, key),
        Lane::Stream(stream) => (1, stream.as_str()),
    }
}

pub(super) fn lane(row: &PgRow) -> sqlx::Result<Lane> {
    let name: String = row.try_get("lane")?;
    Ok(match row.try_get::<i16, _>("kind")? {
        0 => Lane::Key(name),
        _ => Lane::Stream(name.into()),
    })
}

pub(super) fn parked(row: &PgRow) -> sqlx::Result<Parked> {
    let why: Option<&str> = row.try_get("why")?;
    Ok(Parked {
        lane: lane(row)?,
        position: Position(unsigned(row.try_get("position")?)),
        why: why.map(Arc::from),
    })
}

pub(super) fn checkpoint(row: &PgRow) -> sqlx::Result<Checkpoint> {
    Ok(Checkpoint {
        store: StoreId(row.try_get("store_id")?),
        position: Position(unsigned(row.try_get("position")?)),
    })
}

/// The document of `key`, `body` and `fields`; none in a row that stands for the view alone.
pub(super) fn document(row: &PgRow) -> sqlx::Result<Option<Document>> {
    let Some(key) = row.try_get("key")? else {
        return Ok(None);
    };
    Ok(Some(Document {
        key,
        body: Bytes::copy_from_slice(row.try_get("body")?),
        index: fields(row.try_get("fields")?)?,
    }))
}

pub(super) fn fields(json: &str) -> sqlx::Result<Vec<(String, String)>> {
    serde_json::from_str(json).map_err(|error| sqlx::Error::ColumnDecode {
        index: "fields".to_owned(),
        source: error.into(),
    })
}
