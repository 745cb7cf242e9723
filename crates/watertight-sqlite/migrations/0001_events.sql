-- Which store this is, made once.
CREATE TABLE store (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    id          BLOB NOT NULL
) STRICT;

-- The position of the last event.
CREATE TABLE head (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    position    INTEGER NOT NULL
) STRICT;

INSERT INTO head (one, position) VALUES (1, 0);

-- Every event, in the order of the commits. Payload and metadata are JSON unless their writer chose otherwise.
CREATE TABLE events (
    position        INTEGER PRIMARY KEY,
    stream_id       TEXT NOT NULL,
    version         INTEGER NOT NULL,
    event_id        BLOB NOT NULL,
    type            TEXT NOT NULL,
    schema_version  INTEGER NOT NULL,
    payload         BLOB NOT NULL,
    metadata        BLOB NOT NULL,
    recorded_at     INTEGER NOT NULL, -- microseconds since 1970
    UNIQUE (stream_id, version)
) STRICT;

-- The same for people.
CREATE VIEW events_readable AS
SELECT position, stream_id, version, hex(event_id) AS event_id, type, schema_version,
       CAST(payload AS TEXT) AS payload, CAST(metadata AS TEXT) AS metadata,
       strftime('%Y-%m-%dT%H:%M:%fZ', recorded_at / 1000000.0, 'unixepoch') AS recorded_at
FROM events;

-- Answers kept under idempotency keys.
CREATE TABLE command_log (
    key             BLOB PRIMARY KEY,
    fingerprint     INTEGER NOT NULL,
    answer          BLOB NOT NULL,
    expires_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX command_log_expires_at ON command_log (expires_at);

-- How far consumers have got that move together with what they emit.
CREATE TABLE consumers (
    name            TEXT PRIMARY KEY,
    position        INTEGER NOT NULL,
    epoch           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
