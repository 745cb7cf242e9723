use sqlx::{PgPool, Row, query};
use watertight_events::{Find, Found, Lane, Loaded, ViewId};

use super::{park::held, row::document, unknown};
use crate::{
    read::PAGE_BYTES,
    row::limited,
    transaction::{Refused, begin_to_read, rows},
};

pub(super) async fn load(pool: &PgPool, view: &ViewId, lanes: &[Lane]) -> Result<Loaded, Refused> {
    let keys = lanes.iter().filter_map(|lane| match lane {
        Lane::Key(key) => Some(key.as_str()),
        Lane::Stream(_) => None,
    });
    let query = query(
        "SELECT view.view_id, view.parked, document.key, document.body, document.fields::text AS fields
         FROM watertight.checkpoints AS view
         LEFT JOIN (
             UNNEST($3::text[]) AS wanted CROSS JOIN LATERAL (
                 SELECT key, body, fields FROM watertight.documents
                 WHERE view_id = view.view_id AND key = wanted LIMIT 1
             ) AS document
         ) ON true
         WHERE view.name = $1 AND view.version = $2",
    )
    .bind(&*view.name)
    .bind(i64::from(view.version))
    .bind(keys.collect::<Vec<_>>());
    let mut transaction = begin_to_read(pool).await?;
    let rows = query.fetch_all(&mut *transaction).await?;
    let first = rows.first().ok_or_else(|| unknown(view))?;
    let mut loaded = Loaded::default();
    for row in &rows {
        if let Some(document) = document(row)? {
            loaded.documents.insert(document.key.clone(), document);
        }
    }
    if first.try_get::<i64, _>("parked")? > 0 {
        let id = first.try_get("view_id")?;
        loaded.held = held(&mut transaction, id, lanes.iter().collect()).await?;
    }
    transaction.commit().await?;
    Ok(loaded)
}

/// All documents of a view after a key.
const FIND: &str = "
    SELECT key, body, fields FROM watertight.documents
    WHERE view_id = view.view_id AND key > $3 ORDER BY key LIMIT $4";

/// Those with a value in a field.
const FIND_BY: &str = "
    SELECT document.key, document.body, document.fields
    FROM watertight.document_fields AS field
    CROSS JOIN LATERAL (
        SELECT key, body, fields FROM watertight.documents
        WHERE view_id = field.view_id AND key = field.key LIMIT 1
    ) AS document
    WHERE field.view_id = view.view_id AND field.field = $6 AND field.value = $7 AND field.key > $3
    ORDER BY field.key LIMIT $4";

pub(super) async fn find(pool: &PgPool, view: &ViewId, find: &Find) -> Result<Found, Refused> {
    let inner = if find.field.is_some() { FIND_BY } else { FIND };
    let select = format!(
        "SELECT document.key, document.body, document.fields::text AS fields, document.found
         FROM watertight.checkpoints AS view
         LEFT JOIN LATERAL (
             SELECT key, body, fields, count(*) OVER () AS found,
                    sum(length(body)) OVER (ORDER BY key) - length(body) AS bytes_before
             FROM ({inner}) AS found
         ) AS document ON document.bytes_before < $5
         WHERE view.name = $1 AND view.version = $2
         ORDER BY document.key"
    );
    let mut select = query(sqlx::AssertSqlSafe(select))
        .bind(&*view.name)
        .bind(i64::from(view.version))
        .bind(find.after.as_deref().unwrap_or_default())
        .bind(limited(find.limit.saturating_add(1)))
        .bind(PAGE_BYTES);
    if let Some((field, value)) = &find.field {
        select = select.bind(field).bind(value);
    }
    let rows = rows(pool, select).await?;
    let first = rows.first().ok_or_else(|| unknown(view))?;
    let found: Option<i64> = first.try_get("found")?;
    let mut documents = Vec::with_capacity(rows.len().min(find.limit));
    for row in rows.iter().take(find.limit) {
        documents.extend(document(row)?);
    }
    Ok(Found {
        more: found.unwrap_or_default() > documents.len() as i64,
        documents,
    })
}
