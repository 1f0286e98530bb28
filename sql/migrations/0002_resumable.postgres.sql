-- Sessions: uploads in progress, of one request or several. A row holds the reservation of quota, the
-- key that the bytes will have, and the stage, whose name is the row's id; once it has ended, how.

CREATE TABLE chunked_uploads (
    id UUID NOT NULL PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    user_id UUID NOT NULL REFERENCES users (id),
    upload_id UUID NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('post', 'chunked', 'tus', 'draft')),
    status TEXT NOT NULL DEFAULT 'initiated' CHECK (status IN ('initiated', 'completed', 'failed')),
    filename TEXT NOT NULL,
    file_size BIGINT CHECK (file_size >= 0),
    chunk_size BIGINT CHECK (chunk_size > 0),
    total_chunks BIGINT CHECK (total_chunks > 0),
    reserved_bytes BIGINT NOT NULL CHECK (reserved_bytes >= 0),
    storage_name TEXT COLLATE "C" NOT NULL,
    storage_path TEXT COLLATE "C" NOT NULL,
    declared_type TEXT,
    on_duplicate TEXT NOT NULL DEFAULT 'link' CHECK (on_duplicate IN ('link', 'return', 'reject')),
    claimed_md5 BYTEA,
    claimed_sha256 BYTEA,
    metadata JSONB NOT NULL DEFAULT '{}',
    hashed_bytes BIGINT NOT NULL DEFAULT 0 CHECK (hashed_bytes >= 0),
    digest_state BYTEA,
    concatenation TEXT CHECK (concatenation IN ('partial', 'final')),
    partials TEXT,
    idempotency_key TEXT,
    fingerprint TEXT,
    error_code TEXT,
    error_message TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    completed_at TIMESTAMPTZ,
    CHECK (status = 'initiated' OR reserved_bytes = 0),
    CHECK ((status = 'failed') = (error_code IS NOT NULL)),
    CHECK ((concatenation IS NOT DISTINCT FROM 'final') = (partials IS NOT NULL))
);
CREATE INDEX chunked_uploads_workspace ON chunked_uploads (workspace_id, id);
CREATE INDEX chunked_uploads_expiry ON chunked_uploads (expires_at, id);
CREATE INDEX chunked_uploads_object ON chunked_uploads (storage_name, storage_path);
CREATE UNIQUE INDEX chunked_uploads_idempotency
    ON chunked_uploads (workspace_id, user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
COMMENT ON TABLE chunked_uploads IS 'Sessions: uploads in progress, and for a while those that ended';
COMMENT ON COLUMN chunked_uploads.upload_id IS
    'what the upload will be called; once completed, what it is called';
COMMENT ON COLUMN chunked_uploads.kind IS 'how it was begun';
COMMENT ON COLUMN chunked_uploads.file_size IS 'NULL until it is known';
COMMENT ON COLUMN chunked_uploads.chunk_size IS 'of indexed chunks';
COMMENT ON COLUMN chunked_uploads.claimed_md5 IS 'a digest that the client says the whole has';
COMMENT ON COLUMN chunked_uploads.claimed_sha256 IS 'a digest that the client says the whole has';
COMMENT ON COLUMN chunked_uploads.metadata IS 'what the client says of the file';
COMMENT ON COLUMN chunked_uploads.hashed_bytes IS 'from the start';
COMMENT ON COLUMN chunked_uploads.digest_state IS 'of those bytes, to go on from';
COMMENT ON COLUMN chunked_uploads.partials IS 'of a final: a JSON list of sessions, in order';
COMMENT ON COLUMN chunked_uploads.fingerprint IS 'of the request, SHA-256';

CREATE TABLE chunked_upload_parts (
    session_id UUID NOT NULL REFERENCES chunked_uploads (id) ON DELETE CASCADE,
    start_offset BIGINT NOT NULL CHECK (start_offset >= 0),
    end_offset BIGINT NOT NULL,
    PRIMARY KEY (session_id, start_offset),
    CHECK (end_offset > start_offset)
);
COMMENT ON TABLE chunked_upload_parts IS
    'The bytes of a session that are on stable storage: ranges that neither overlap nor touch';
