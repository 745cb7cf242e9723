//! Documents, changed together with the checkpoint of their view.

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use watertight_events::{Change, Document, Save, Saved, ViewId};

use super::{Outcome, checkpoint, park};

/// The statements that change documents.
struct Documents<'c> {
    view: &'c ViewId,
    find: CachedStatement<'c>,
    insert: CachedStatement<'c>,
    update: CachedStatement<'c>,
    delete: CachedStatement<'c>,
    index: CachedStatement<'c>,
    forget: CachedStatement<'c>,
}

pub(super) fn save(connection: &Connection, save: &Save) -> Outcome<Saved> {
    let kept = match checkpoint::advance(connection, &save.lease, save.from, save.to)? {
        Ok(kept) => kept,
        Err(fenced) => return Ok(Err(fenced)),
    };
    let mut documents = Documents::of(connection, &save.lease.view)?;
    for change in &save.changes {
        match change {
            Change::Put(document) => documents.put(document)?,
            Change::Delete(key) => documents.delete(key)?,
        }
    }
    let parked = park::settle(connection, save, kept.parked)?;
    Ok(Ok(Saved { parked }))
}

impl<'c> Documents<'c> {
    fn of(connection: &'c Connection, view: &'c ViewId) -> rusqlite::Result<Self> {
        Ok(Self {
            view,
            find: connection.prepare_cached(
                "SELECT id, fields FROM documents WHERE name = ?1 AND version = ?2 AND key = ?3",
            )?,
            insert: connection.prepare_cached(
                "INSERT INTO documents (name, version, key, body, fields) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?,
            update: connection
                .prepare_cached("UPDATE documents SET body = ?2, fields = ?3 WHERE id = ?1")?,
            delete: connection.prepare_cached("DELETE FROM documents WHERE id = ?1")?,
            // A field may have a value twice.
            index: connection.prepare_cached(
                "INSERT OR IGNORE INTO document_fields (name, version, field, value, key, id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            forget: connection.prepare_cached(
                "DELETE FROM document_fields
                 WHERE name = ?1 AND version = ?2 AND field = ?3 AND value = ?4 AND key = ?5",
            )?,
        })
    }

    fn put(&mut self, document: &Document) -> rusqlite::Result<()> {
        let Document { key, body, index } = document;
        let fields = serde_json::to_string(index).expect("text has a JSON");
        let id = match self.find(key)? {
            Some((id, before)) => {
                self.update.execute(params![id, &body[..], fields])?;
                if before == fields {
                    return Ok(());
                }
                self.forget(key, &before)?;
                id
            }
            None => self.insert.insert(params![
                &*self.view.name,
                self.view.version,
                key,
                &body[..],
                fields
            ])?,
        };
        for (field, value) in index {
            self.index.execute(params![
                &*self.view.name,
                self.view.version,
                field,
                value,
                key,
                id
            ])?;
        }
        Ok(())
    }

    fn delete(&mut self, key: &str) -> rusqlite::Result<()> {
        if let Some((id, fields)) = self.find(key)? {
            self.forget(key, &fields)?;
            self.delete.execute([id])?;
        }
        Ok(())
    }

    fn find(&mut self, key: &str) -> rusqlite::Result<Option<(i64, String)>> {
        let key = params![&*self.view.name, self.view.version, key];
        let found = self
            .find
            .query_row(key, |row| Ok((row.get(0)?, row.get(1)?)));
        found.optional()
    }

    fn forget(&mut self, key: &str, fields: &str) -> rusqlite::Result<()> {
        for (field, value) in read_fields(fields)? {
            self.forget.execute(params![
                &*self.view.name,
                self.view.version,
                field,
                value,
                key
            ])?;
        }
        Ok(())
    }
}

/// The names and values in a document's `fields`.
pub(super) fn read_fields(fields: &str) -> rusqlite::Result<Vec<(String, String)>> {
    let read = serde_json::from_str(fields);
    read.map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
    })
}
