-- Read models by their names, and which of their versions is read.
CREATE TABLE views (
    name            TEXT PRIMARY KEY,
    active          INTEGER NOT NULL,
    previous        INTEGER
) STRICT, WITHOUT ROWID;

-- How far each version of a read model has read, in which store of events, and who keeps it up to date.
CREATE TABLE checkpoints (
    name            TEXT NOT NULL,
    version         INTEGER NOT NULL,
    partition       INTEGER NOT NULL DEFAULT 0, -- always 0 so far
    store_id        BLOB NOT NULL,
    position        INTEGER NOT NULL DEFAULT 0,
    epoch           INTEGER NOT NULL DEFAULT 0, -- larger with every new owner
    owner           BLOB,
    held_until      INTEGER NOT NULL DEFAULT 0, -- microseconds since 1970
    why             TEXT,                       -- why it was stopped
    parked          INTEGER NOT NULL DEFAULT 0, -- its rows in dead_letters
    PRIMARY KEY (name, version, partition)
) STRICT, WITHOUT ROWID;

-- The documents of read models. Fields is a JSON array of names and values, the same as in document_fields.
CREATE TABLE documents (
    id              INTEGER PRIMARY KEY,
    name            TEXT NOT NULL,
    version         INTEGER NOT NULL,
    key             TEXT NOT NULL,
    body            BLOB NOT NULL,
    fields          TEXT NOT NULL,
    UNIQUE (name, version, key)
) STRICT;

-- By which values of which fields documents are found.
CREATE TABLE document_fields (
    name            TEXT NOT NULL,
    version         INTEGER NOT NULL,
    field           TEXT NOT NULL,
    value           TEXT NOT NULL,
    key             TEXT NOT NULL,
    id              INTEGER NOT NULL,
    PRIMARY KEY (name, version, field, value, key)
) STRICT, WITHOUT ROWID;

-- The same for people.
CREATE VIEW documents_readable AS
SELECT name, version, key, CAST(body AS TEXT) AS body, fields FROM documents;

-- Events that were left out of a read model: lane by lane, a document (kind 0) or a stream (kind 1).
CREATE TABLE dead_letters (
    name            TEXT NOT NULL,
    version         INTEGER NOT NULL,
    kind            INTEGER NOT NULL,
    lane            TEXT NOT NULL,
    position        INTEGER NOT NULL,
    why             TEXT, -- null, if it only waits for an earlier one of its lane
    PRIMARY KEY (name, version, kind, lane, position)
) STRICT, WITHOUT ROWID;

-- Lanes that are to be tried again.
CREATE TABLE requeued_lanes (
    name            TEXT NOT NULL,
    version         INTEGER NOT NULL,
    kind            INTEGER NOT NULL,
    lane            TEXT NOT NULL,
    PRIMARY KEY (name, version, kind, lane)
) STRICT, WITHOUT ROWID;
