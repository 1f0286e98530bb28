-- A small schema for the database's contract: one column of each type, one of each constraint.

CREATE TABLE samples (
    id INTEGER PRIMARY KEY,
    whole BIGINT,
    seconds DECIMAL(12,3),
    words TEXT,
    mark TEXT, -- a UUID
    made_at INTEGER, -- microseconds
    flag INTEGER,
    body BLOB
);

CREATE TABLE shelves (
    id INTEGER PRIMARY KEY,
    label TEXT NOT NULL UNIQUE
);

CREATE TABLE books (
    id TEXT NOT NULL PRIMARY KEY,
    shelf_id INTEGER NOT NULL REFERENCES shelves (id),
    twin_id TEXT REFERENCES books (id) DEFERRABLE INITIALLY DEFERRED,
    pages BIGINT NOT NULL CHECK (pages >= 0)
);

CREATE TABLE tallies (
    name TEXT NOT NULL PRIMARY KEY,
    total BIGINT NOT NULL
);
