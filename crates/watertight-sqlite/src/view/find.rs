//! Documents, by their keys and by their fields.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};
use watertight_events::{Document, Find, Found, Lane, Loaded, ViewId};

use super::{
    checkpoint::Kept,
    park::{self, limit_of},
    save::read_fields,
};

pub(super) fn load(
    connection: &Connection,
    view: &ViewId,
    lanes: &[Lane],
) -> rusqlite::Result<Loaded> {
    let mut loaded = Loaded::default();
    let mut select = connection.prepare_cached(
        "SELECT key, body, fields FROM documents WHERE name = ?1 AND version = ?2 AND key = ?3",
    )?;
    let parked = Kept::find(connection, view)?.is_some_and(|kept| kept.parked > 0);
    for lane in lanes {
        if let Lane::Key(key) = lane {
            let found = select.query_row(params![&*view.name, view.version, key], document);
            if let Some(document) = found.optional()? {
                loaded.documents.insert(key.clone(), document);
            }
        }
        if parked && park::holds(connection, view, lane)? {
            loaded.held.insert(lane.clone());
        }
    }
    Ok(loaded)
}

pub(super) fn find(connection: &Connection, view: &ViewId, find: &Find) -> rusqlite::Result<Found> {
    // No key is empty, so every one comes after that.
    let after = find.after.as_deref().unwrap_or_default();
    let limit = limit_of(find.limit.saturating_add(1));
    let mut documents: Vec<Document> = match &find.field {
        None => connection
            .prepare_cached(
                "SELECT key, body, fields FROM documents
                 WHERE name = ?1 AND version = ?2 AND key > ?3 ORDER BY key LIMIT ?4",
            )?
            .query_map(params![&*view.name, view.version, after, limit], document)?
            .collect::<Result<_, _>>()?,
        Some((field, value)) => connection
            .prepare_cached(
                "SELECT found.key, body, fields FROM document_fields AS found JOIN documents USING (id)
                 WHERE found.name = ?1 AND found.version = ?2 AND field = ?3 AND value = ?4 AND found.key > ?5
                 ORDER BY found.key LIMIT ?6",
            )?
            .query_map(
                params![&*view.name, view.version, field, value, after, limit],
                document,
            )?
            .collect::<Result<_, _>>()?,
    };
    let more = documents.len() > find.limit;
    documents.truncate(find.limit);
    Ok(Found { documents, more })
}

/// The document of a row with its key, body and fields.
fn document(row: &Row<'_>) -> rusqlite::Result<Document> {
    Ok(Document {
        key: row.get(0)?,
        body: Bytes::copy_from_slice(row.get_ref(1)?.as_blob()?),
        index: read_fields(row.get_ref(2)?.as_str()?)?,
    })
}
