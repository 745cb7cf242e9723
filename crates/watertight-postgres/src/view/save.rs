//! A save: one transaction, which holds the checkpoint's lock from its first statement on.

use std::collections::{HashMap, HashSet};

use sqlx::{PgConnection, PgPool, Row, query, query_scalar};
use watertight_events::{Change, Document, Position, Save, Saved, ViewError};

use super::{park::park, row::fields};
use crate::{
    row::{signed, unsigned},
    transaction::{Refused, begin},
};

/// Bytes of documents that one statement writes, beyond the first one.
const STATEMENT_BYTES: usize = 8 << 20;

pub(super) async fn save(pool: &PgPool, save: &Save) -> Result<Saved, Refused> {
    let mut transaction = begin(pool).await?;
    let (view, mut parked) = move_checkpoint(&mut transaction, save).await?;
    write(&mut transaction, view, &save.changes).await?;
    if !save.unpark.is_empty() || !save.park.is_empty() {
        parked += park(&mut transaction, view, save).await?;
    }
    transaction.commit().await?;
    Ok(Saved {
        parked: unsigned(parked),
    })
}

/// Moves the checkpoint if it is where it was left, and holds its lock from then on.
async fn move_checkpoint(
    connection: &mut PgConnection,
    save: &Save,
) -> Result<(i64, i64), Refused> {
    let view = &save.lease.view;
    let moved = query(
        "UPDATE watertight.checkpoints SET position = $6
         WHERE name = $1 AND version = $2 AND owner = $3 AND epoch = $4 AND position = $5
         RETURNING view_id, parked",
    )
    .bind(&*view.name)
    .bind(i64::from(view.version))
    .bind(save.lease.owner)
    .bind(signed(save.lease.epoch))
    .bind(signed(save.from.0))
    .bind(signed(save.to.0))
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(row) = moved {
        return Ok((row.try_get("view_id")?, row.try_get("parked")?));
    }
    let actual: Option<i64> = query_scalar(
        "SELECT position FROM watertight.checkpoints WHERE name = $1 AND version = $2",
    )
    .bind(&*view.name)
    .bind(i64::from(view.version))
    .fetch_optional(connection)
    .await?;
    Err(Refused(ViewError::Fenced {
        view: view.clone(),
        actual: Position(unsigned(actual.unwrap_or_default())),
    }))
}

/// A field, a value of it, and the document that has it.
type Indexed = (String, String, String);

/// Fields of documents as they were, and as they are to be.
#[derive(Debug, Default)]
struct Reindex {
    before: HashSet<Indexed>,
    after: HashSet<Indexed>,
}

async fn write(connection: &mut PgConnection, view: i64, changes: &[Change]) -> sqlx::Result<()> {
    let (mut puts, mut deletes) = (Vec::new(), Vec::new());
    for change in changes {
        match change {
            Change::Put(document) => puts.push(document),
            Change::Delete(key) => deletes.push(key.as_str()),
        }
    }
    let mut reindex = Reindex::default();
    let mut puts = &puts[..];
    while !puts.is_empty() {
        let mut bytes = 0;
        let fitting = puts.iter().take_while(|put| {
            let before = bytes;
            bytes += put.body.len();
            before < STATEMENT_BYTES
        });
        let (now, later) = puts.split_at(fitting.count());
        reindex.put(connection, view, now).await?;
        puts = later;
    }
    if !deletes.is_empty() {
        reindex.delete(connection, view, deletes).await?;
    }
    reindex.write(connection, view).await
}

impl Reindex {
    async fn put(
        &mut self,
        connection: &mut PgConnection,
        view: i64,
        puts: &[&Document],
    ) -> sqlx::Result<()> {
        let by_key: HashMap<_, _> = puts.iter().map(|put| (put.key.as_str(), *put)).collect();
        let keys: Vec<_> = puts.iter().map(|put| put.key.as_str()).collect();
        let bodies: Vec<_> = puts.iter().map(|put| &put.body[..]).collect();
        let json = |put: &&Document| serde_json::to_string(&put.index).expect("text has a JSON");
        let jsons: Vec<_> = puts.iter().map(json).collect();
        let moved = query(
            "SELECT put.key, document.fields::text AS fields
             FROM UNNEST($2::text[], $3::text[]) AS put (key, fields)
             LEFT JOIN LATERAL (
                 SELECT fields FROM watertight.documents WHERE view_id = $1 AND key = put.key LIMIT 1
             ) AS document ON true
             WHERE document.fields IS DISTINCT FROM put.fields::jsonb",
        )
        .bind(view)
        .bind(&keys)
        .bind(&jsons)
        .fetch_all(&mut *connection)
        .await?;
        for row in moved {
            let key: &str = row.try_get("key")?;
            if let Some(before) = row.try_get("fields")? {
                self.before.extend(indexed(key, fields(before)?));
            }
            if let Some(put) = by_key.get(key) {
                self.after.extend(indexed(key, put.index.clone()));
            }
        }
        query(
            "INSERT INTO watertight.documents AS document (view_id, key, body, fields)
             SELECT $1, put.key, put.body, put.fields::jsonb
             FROM UNNEST($2::text[], $3::bytea[], $4::text[]) AS put (key, body, fields)
             ON CONFLICT (view_id, key) DO UPDATE SET body = excluded.body, fields = excluded.fields",
        )
        .bind(view)
        .bind(keys)
        .bind(bodies)
        .bind(jsons)
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn delete(
        &mut self,
        connection: &mut PgConnection,
        view: i64,
        keys: Vec<&str>,
    ) -> sqlx::Result<()> {
        let gone = query(
            "DELETE FROM watertight.documents WHERE ctid = ANY(ARRAY(
                 SELECT document.ctid FROM UNNEST($2::text[]) AS gone CROSS JOIN LATERAL (
                     SELECT ctid FROM watertight.documents WHERE view_id = $1 AND key = gone LIMIT 1
                 ) AS document
             )) RETURNING key, fields::text AS fields",
        )
        .bind(view)
        .bind(keys)
        .fetch_all(connection)
        .await?;
        for row in gone {
            let before = fields(row.try_get("fields")?)?;
            self.before.extend(indexed(row.try_get("key")?, before));
        }
        Ok(())
    }

    async fn write(&self, connection: &mut PgConnection, view: i64) -> sqlx::Result<()> {
        let stale: Vec<_> = self.before.difference(&self.after).collect();
        if !stale.is_empty() {
            let [names, values, keys] = columns(&stale);
            query(
                "DELETE FROM watertight.document_fields WHERE ctid = ANY(ARRAY(
                     SELECT field.ctid FROM UNNEST($2::text[], $3::text[], $4::text[]) AS stale (field, value, key)
                     CROSS JOIN LATERAL (
                         SELECT ctid FROM watertight.document_fields AS field
                         WHERE view_id = $1 AND field.field = stale.field AND field.value = stale.value
                           AND field.key = stale.key LIMIT 1
                     ) AS field
                 ))",
            )
            .bind(view)
            .bind(names)
            .bind(values)
            .bind(keys)
            .execute(&mut *connection)
            .await?;
        }
        let fresh: Vec<_> = self.after.difference(&self.before).collect();
        if !fresh.is_empty() {
            let [names, values, keys] = columns(&fresh);
            query(
                "INSERT INTO watertight.document_fields (view_id, field, value, key)
                 SELECT $1, fresh.* FROM UNNEST($2::text[], $3::text[], $4::text[]) AS fresh",
            )
            .bind(view)
            .bind(names)
            .bind(values)
            .bind(keys)
            .execute(connection)
            .await?;
        }
        Ok(())
    }
}

fn indexed(key: &str, fields: Vec<(String, String)>) -> impl Iterator<Item = Indexed> {
    let fields = fields.into_iter();
    fields.map(move |(name, value)| (name, value, key.to_owned()))
}

fn columns<'a>(fields: &[&'a Indexed]) -> [Vec<&'a str>; 3] {
    let column = |of: fn(&Indexed) -> &String| fields.iter().map(|it| of(it).as_str()).collect();
    [column(|it| &it.0), column(|it| &it.1), column(|it| &it.2)]
}
