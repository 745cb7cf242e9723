-- Events that transactions have staged, until they are moved to `events`.
CREATE TABLE watertight.outbox (
    seq             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream_id       text COLLATE "C" NOT NULL,
    event_id        uuid NOT NULL,
    type            text COLLATE "C" NOT NULL,
    schema_version  bigint NOT NULL,
    payload         bytea NOT NULL,
    metadata        bytea NOT NULL
);

-- Messages that were handled, until they expire.
CREATE TABLE watertight.inbox (
    consumer        text COLLATE "C" NOT NULL,
    message_id      uuid NOT NULL,
    expires_at      timestamptz NOT NULL,
    PRIMARY KEY (consumer, message_id)
);

CREATE INDEX inbox_expires_at ON watertight.inbox (expires_at);
