-- States of streams, so that not every event need be read. A cache: deleting rows costs time and nothing else.
CREATE TABLE snapshots (
    stream_id       TEXT PRIMARY KEY,
    version         INTEGER NOT NULL,
    event_id        BLOB NOT NULL, -- of the event at that version
    schema_hash     INTEGER NOT NULL,
    state           BLOB NOT NULL,
    saved_at        INTEGER NOT NULL -- microseconds since 1970
) STRICT;
