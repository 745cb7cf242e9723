-- Read models that are applied in the commits of events: who does not know them may not append. Whoever adds one moves
-- head.batch too, so that no writer overlooks it.
CREATE TABLE watertight.inline_views (
    name            text COLLATE "C" NOT NULL,
    version         bigint NOT NULL,
    PRIMARY KEY (name, version)
);
