-- Uploads of several requests: sessions that are continued, what of them has arrived, and how they
-- ended. The table is made anew, as SQLite cannot change a check.

CREATE TABLE chunked_uploads_2 (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    upload_id TEXT NOT NULL, -- what the upload will be called; once completed, what it is called
    kind TEXT NOT NULL CHECK (kind IN ('post', 'chunked', 'tus', 'draft')), -- how it was begun
    status TEXT NOT NULL DEFAULT 'initiated' CHECK (status IN ('initiated', 'completed', 'failed')),
    filename TEXT NOT NULL,
    file_size INTEGER CHECK (file_size >= 0), -- NULL until it is known
    chunk_size INTEGER CHECK (chunk_size > 0), -- of indexed chunks
    total_chunks INTEGER CHECK (total_chunks > 0),
    reserved_bytes INTEGER NOT NULL CHECK (reserved_bytes >= 0),
    storage_name TEXT NOT NULL,
    storage_path TEXT NOT NULL,
    declared_type TEXT,
    on_duplicate TEXT NOT NULL DEFAULT 'link' CHECK (on_duplicate IN ('link', 'return', 'reject')),
    claimed_md5 BLOB, -- digests that the client says the whole has
    claimed_sha256 BLOB,
    metadata TEXT NOT NULL DEFAULT '{}', -- JSON: what the client says of the file
    hashed_bytes INTEGER NOT NULL DEFAULT 0 CHECK (hashed_bytes >= 0), -- from the start
    digest_state BLOB, -- of those bytes, to go on from
    concatenation TEXT CHECK (concatenation IN ('partial', 'final')),
    partials TEXT, -- of a final: a JSON list of sessions, in order
    idempotency_key TEXT,
    fingerprint TEXT, -- of the request, SHA-256
    error_code TEXT, -- of a failed one
    error_message TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    completed_at INTEGER,
    CHECK (status = 'initiated' OR reserved_bytes = 0),
    CHECK ((status = 'failed') = (error_code IS NOT NULL)),
    CHECK ((concatenation IS 'final') = (partials IS NOT NULL))
);
INSERT INTO chunked_uploads_2 (id, workspace_id, user_id, upload_id, kind, filename, file_size,
                               reserved_bytes, storage_name, storage_path, idempotency_key,
                               fingerprint, created_at, expires_at)
SELECT id, workspace_id, user_id, upload_id, kind, filename, file_size, reserved_bytes, storage_name,
       storage_path, idempotency_key, fingerprint, created_at, expires_at
FROM chunked_uploads;
DROP TABLE chunked_uploads;
ALTER TABLE chunked_uploads_2 RENAME TO chunked_uploads;
CREATE INDEX chunked_uploads_workspace ON chunked_uploads (workspace_id, id);
CREATE INDEX chunked_uploads_expiry ON chunked_uploads (expires_at);
CREATE INDEX chunked_uploads_object ON chunked_uploads (storage_name, storage_path);
CREATE UNIQUE INDEX chunked_uploads_idempotency
    ON chunked_uploads (workspace_id, user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- The bytes of a session that are on stable storage: ranges that neither overlap nor touch.
CREATE TABLE chunked_upload_parts (
    session_id TEXT NOT NULL REFERENCES chunked_uploads (id) ON DELETE CASCADE,
    start_offset INTEGER NOT NULL CHECK (start_offset >= 0),
    end_offset INTEGER NOT NULL,
    PRIMARY KEY (session_id, start_offset),
    CHECK (end_offset > start_offset)
) WITHOUT ROWID;
