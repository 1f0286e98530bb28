-- A small schema for the database's contract: one column of each type, one of each constraint.

CREATE TABLE samples (
    id BIGINT PRIMARY KEY,
    whole BIGINT,
    seconds DECIMAL(18,3),
    words TEXT,
    mark UUID,
    made_at TIMESTAMPTZ,
    flag BOOLEAN,
    body BYTEA
);

CREATE TABLE shelves (
    id BIGINT PRIMARY KEY,
    label TEXT NOT NULL UNIQUE
);

CREATE TABLE books (
    id TEXT NOT NULL PRIMARY KEY,
    shelf_id BIGINT NOT NULL REFERENCES shelves (id),
    twin_id TEXT REFERENCES books (id) DEFERRABLE INITIALLY DEFERRED,
    pages BIGINT NOT NULL CHECK (pages >= 0)
);

CREATE TABLE tallies (
    name TEXT NOT NULL PRIMARY KEY,
    total BIGINT NOT NULL
);
