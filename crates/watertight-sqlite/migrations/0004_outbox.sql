-- Events that a transaction has staged; they are moved to `events` before that transaction ends, so outside of one it is empty.
CREATE TABLE outbox (
    seq             INTEGER PRIMARY KEY,
    stream_id       TEXT NOT NULL,
    event_id        BLOB NOT NULL,
    type            TEXT NOT NULL,
    schema_version  INTEGER NOT NULL,
    payload         BLOB NOT NULL,
    metadata        BLOB NOT NULL
) STRICT;

-- Messages that were handled, until they expire.
CREATE TABLE inbox (
    consumer        TEXT NOT NULL,
    message_id      BLOB NOT NULL,
    expires_at      INTEGER NOT NULL, -- microseconds since 1970
    PRIMARY KEY (consumer, message_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX inbox_expires_at ON inbox (expires_at);
