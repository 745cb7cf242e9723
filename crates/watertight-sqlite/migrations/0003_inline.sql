-- Read models that are applied in the commits of events: who does not know them may not append.
CREATE TABLE inline_views (
    name            TEXT NOT NULL,
    version         INTEGER NOT NULL,
    PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;
