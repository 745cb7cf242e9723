-- States of streams, so that not every event need be read. A cache: deleting rows costs time and nothing else.
CREATE TABLE watertight.snapshots (
    stream_id       text COLLATE "C" PRIMARY KEY,
    version         bigint NOT NULL,
    event_id        uuid NOT NULL, -- of the event at that version
    schema_hash     bigint NOT NULL,
    state           bytea NOT NULL,
    saved_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
