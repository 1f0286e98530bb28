-- Servers that share this database, and what only one of them does at a time.

CREATE TABLE nodes (
    id UUID NOT NULL PRIMARY KEY,
    instance UUID NOT NULL UNIQUE,
    host TEXT NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    lease_until TIMESTAMPTZ NOT NULL
);
CREATE INDEX nodes_lease ON nodes (lease_until);
COMMENT ON TABLE nodes IS 'Servers, one for each data folder. One is alive as long as its lease lasts';
COMMENT ON COLUMN nodes.id IS 'of its data folder';
COMMENT ON COLUMN nodes.instance IS 'of its last start';
COMMENT ON COLUMN nodes.lease_until IS 'by the clock of the database';

CREATE TABLE duties (
    name TEXT NOT NULL PRIMARY KEY,
    instance UUID NOT NULL,
    lease_until TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE duties IS
    'What one node does for all of them. Whoever has the row may change things for it, and loses it to '
    'another when its lease has run out';

ALTER TABLE chunked_uploads ADD COLUMN node_id UUID;
ALTER TABLE chunked_uploads ADD COLUMN finishing UUID;
ALTER TABLE chunked_uploads ADD COLUMN shared SMALLINT NOT NULL DEFAULT 0 CHECK (shared IN (0, 1));
CREATE INDEX chunked_uploads_node ON chunked_uploads (node_id, id)
    WHERE status = 'initiated' AND kind = 'post';
COMMENT ON COLUMN chunked_uploads.node_id IS 'the node that received of it last';
COMMENT ON COLUMN chunked_uploads.finishing IS 'nodes.instance of the one that makes the upload of it';
COMMENT ON COLUMN chunked_uploads.shared IS
    '1: any node may go on with it, as what counts is in staged_pieces; 0: node_id alone';

CREATE TABLE staged_pieces (
    id UUID NOT NULL PRIMARY KEY,
    session_id UUID NOT NULL REFERENCES chunked_uploads (id),
    start_offset BIGINT NOT NULL CHECK (start_offset >= 0),
    end_offset BIGINT NOT NULL,
    storage_name TEXT COLLATE "C" NOT NULL,
    storage_path TEXT COLLATE "C" NOT NULL,
    counts SMALLINT NOT NULL DEFAULT 0 CHECK (counts IN (0, 1)),
    created_at TIMESTAMPTZ NOT NULL,
    late_at TIMESTAMPTZ NOT NULL,
    UNIQUE (storage_name, storage_path),
    CHECK (end_offset > start_offset)
);
CREATE INDEX staged_pieces_session ON staged_pieces (session_id, start_offset);
COMMENT ON TABLE staged_pieces IS
    'Bytes of sessions as objects of the store, for other nodes to go on with. Each is here before it is '
    'an object, and goes on the garbage list when its session ends';
COMMENT ON COLUMN staged_pieces.counts IS '1: it has been stored, and its bytes are acknowledged';
COMMENT ON COLUMN staged_pieces.late_at IS 'if it does not count: when nobody can be storing it any more';
