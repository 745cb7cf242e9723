//! Answers to writes as `command_log` keeps them.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params, types::Type};
use watertight_events::Written;

/// The fingerprint and the answer under a key that has not expired.
pub(crate) fn look_up_answer(
    connection: &Connection,
    key: &Bytes,
    now: i64,
) -> rusqlite::Result<Option<(u64, Written)>> {
    let mut select = connection.prepare_cached(
        "SELECT fingerprint, answer FROM command_log WHERE key = ?1 AND expires_at > ?2",
    )?;
    let found = select.query_row(params![&key[..], now], |row| {
        let answer = serde_json::from_slice(row.get_ref(1)?.as_blob()?);
        let answer = answer.map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(1, Type::Blob, error.into())
        })?;
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), answer))
    });
    found.optional()
}
