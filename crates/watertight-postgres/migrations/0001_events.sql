-- Which store this is, made once.
CREATE TABLE watertight.store (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    id          uuid NOT NULL
);

-- The position of the last event, and how many batches were committed: whoever writes moves it, so its row lock is the order.
CREATE TABLE watertight.head (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    position    bigint NOT NULL,
    batch       bigint NOT NULL
) WITH (fillfactor = 10);

INSERT INTO watertight.head (position, batch) VALUES (0, 0);

-- Every event, in the order of the commits. Payload and metadata are JSON unless their writer chose otherwise.
CREATE TABLE watertight.events (
    position        bigint PRIMARY KEY,
    stream_id       text COLLATE "C" NOT NULL,
    version         bigint NOT NULL,
    event_id        uuid NOT NULL,
    type            text COLLATE "C" NOT NULL,
    schema_version  bigint NOT NULL,
    payload         bytea NOT NULL,
    metadata        bytea NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (stream_id, version)
);

-- The same for people, as far as it is UTF-8.
CREATE VIEW watertight.events_readable AS
SELECT position, stream_id, version, event_id, type, schema_version,
       convert_from(payload, 'UTF8') AS payload, convert_from(metadata, 'UTF8') AS metadata, recorded_at
FROM watertight.events;

-- Answers kept under idempotency keys.
CREATE TABLE watertight.command_log (
    key             bytea PRIMARY KEY,
    fingerprint     bigint NOT NULL,
    answer          bytea NOT NULL,
    expires_at      timestamptz NOT NULL
);

CREATE INDEX command_log_expires_at ON watertight.command_log (expires_at);

-- How far consumers have got that move together with what they emit.
CREATE TABLE watertight.consumers (
    name            text COLLATE "C" PRIMARY KEY,
    position        bigint NOT NULL,
    epoch           bigint NOT NULL
);
