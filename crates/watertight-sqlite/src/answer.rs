//! Answers to writes as `command_log` keeps them.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params, types::Type};
use serde::{Deserialize, Serialize};
use watertight_events::{Appended, Position, Version, Written};

#[derive(Deserialize, Serialize)]
struct Stored {
    position: Position,
    streams: Vec<(String, Version, Version)>,
}

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
        let answer = decode(row.get_ref(1)?.as_blob()?);
        let answer = answer.map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(1, Type::Blob, error.into())
        })?;
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), answer))
    });
    found.optional()
}

pub(crate) fn encode(answer: &Written) -> Vec<u8> {
    let streams = answer.streams.iter();
    let stored = Stored {
        position: answer.position,
        streams: streams
            .map(|it| (it.stream.as_str().to_owned(), it.before, it.version))
            .collect(),
    };
    serde_json::to_vec(&stored).expect("numbers and text have a JSON")
}

fn decode(stored: &[u8]) -> serde_json::Result<Written> {
    let Stored { position, streams } = serde_json::from_slice(stored)?;
    let streams = streams
        .into_iter()
        .map(|(stream, before, version)| Appended {
            stream: stream.into(),
            before,
            version,
        });
    Ok(Written {
        streams: streams.collect(),
        position,
        replayed: false,
    })
}
