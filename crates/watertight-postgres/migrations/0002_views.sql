-- Read models by their names, and which of their versions is read.
CREATE TABLE watertight.views (
    name            text COLLATE "C" PRIMARY KEY,
    active          bigint NOT NULL,
    previous        bigint
);

-- How far each version of a read model has read, in which store of events, and who keeps it up to date. Time is the server's.
CREATE TABLE watertight.checkpoints (
    name            text COLLATE "C" NOT NULL,
    version         bigint NOT NULL,
    partition       integer NOT NULL DEFAULT 0, -- always 0 so far
    view_id         bigint GENERATED ALWAYS AS IDENTITY,
    store_id        uuid NOT NULL,
    position        bigint NOT NULL DEFAULT 0,
    epoch           bigint NOT NULL DEFAULT 0, -- larger with every new owner
    owner           uuid,
    held_until      timestamptz,
    why             text,                      -- why it was stopped
    parked          bigint NOT NULL DEFAULT 0, -- its rows in dead_letters
    PRIMARY KEY (name, version, partition)
) WITH (fillfactor = 10);

-- The documents of read models. Fields is an array of names and values, the same as in document_fields.
CREATE TABLE watertight.documents (
    view_id         bigint NOT NULL,
    key             text COLLATE "C" NOT NULL,
    body            bytea NOT NULL,
    fields          jsonb NOT NULL,
    PRIMARY KEY (view_id, key)
) WITH (fillfactor = 80);

-- By which values of which fields documents are found.
CREATE TABLE watertight.document_fields (
    view_id         bigint NOT NULL,
    field           text COLLATE "C" NOT NULL,
    value           text COLLATE "C" NOT NULL,
    key             text COLLATE "C" NOT NULL,
    PRIMARY KEY (view_id, field, value, key)
);

-- The same for people, as far as it is UTF-8.
CREATE VIEW watertight.documents_readable AS
SELECT name, version, key, convert_from(body, 'UTF8') AS body, fields
FROM watertight.documents JOIN watertight.checkpoints USING (view_id);

-- Events that were left out of a read model: lane by lane, a document (kind 0) or a stream (kind 1).
CREATE TABLE watertight.dead_letters (
    view_id         bigint NOT NULL,
    kind            smallint NOT NULL,
    lane            text COLLATE "C" NOT NULL,
    position        bigint NOT NULL,
    why             text, -- null, if it only waits for an earlier one of its lane
    PRIMARY KEY (view_id, kind, lane, position)
);

-- Lanes that are to be tried again.
CREATE TABLE watertight.requeued_lanes (
    view_id         bigint NOT NULL,
    kind            smallint NOT NULL,
    lane            text COLLATE "C" NOT NULL,
    PRIMARY KEY (view_id, kind, lane)
);
