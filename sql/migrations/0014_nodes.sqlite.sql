-- Servers that share a database, and what only one of them does at a time. Of a file there is one.

-- One for each data folder. It is alive as long as its lease lasts.
CREATE TABLE nodes (
    id TEXT NOT NULL PRIMARY KEY, -- of its data folder
    instance TEXT NOT NULL UNIQUE, -- of its last start
    host TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL -- by the clock of the database
) WITHOUT ROWID;
CREATE INDEX nodes_lease ON nodes (lease_until);

-- What one node does for all of them. Whoever has the row may change things for it, and loses it to another
-- when its lease has run out.
CREATE TABLE duties (
    name TEXT NOT NULL PRIMARY KEY,
    instance TEXT NOT NULL,
    lease_until INTEGER NOT NULL
) WITHOUT ROWID;

ALTER TABLE chunked_uploads ADD COLUMN node_id TEXT; -- the node that received of it last
ALTER TABLE chunked_uploads ADD COLUMN finishing TEXT; -- nodes.instance of the one that makes the upload of it
-- 1: any node may go on with it, as what counts is in staged_pieces; 0: node_id alone.
ALTER TABLE chunked_uploads ADD COLUMN shared INTEGER NOT NULL DEFAULT 0 CHECK (shared IN (0, 1));
CREATE INDEX chunked_uploads_node ON chunked_uploads (node_id, id)
    WHERE status = 'initiated' AND kind = 'post';

-- Bytes of sessions as objects of the store, for other nodes to go on with. Each is here before it is an
-- object, and goes on the garbage list when its session ends.
CREATE TABLE staged_pieces (
    id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES chunked_uploads (id),
    start_offset INTEGER NOT NULL CHECK (start_offset >= 0),
    end_offset INTEGER NOT NULL,
    storage_name TEXT NOT NULL,
    storage_path TEXT NOT NULL,
    counts INTEGER NOT NULL DEFAULT 0 CHECK (counts IN (0, 1)), -- 1: it was stored, and its bytes are acknowledged
    created_at INTEGER NOT NULL,
    late_at INTEGER NOT NULL, -- if it does not count: when nobody can be storing it any more
    UNIQUE (storage_name, storage_path),
    CHECK (end_offset > start_offset)
) WITHOUT ROWID;
CREATE INDEX staged_pieces_session ON staged_pieces (session_id, start_offset);
