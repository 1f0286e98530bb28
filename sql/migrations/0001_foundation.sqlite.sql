-- The catalog's first shape. Ids are UUIDv7 as text, times microseconds since 1970 (UTC), decimals
-- seconds with three places, booleans 0 or 1. Usage changes only in the transaction that changes rows.

CREATE TABLE workspaces (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER -- its rows are gone; kept so that its history has a name
);
CREATE UNIQUE INDEX workspaces_name ON workspaces (lower(name)) WHERE deleted_at IS NULL;

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    disabled_at INTEGER,
    UNIQUE (workspace_id, name)
);
CREATE INDEX users_workspace ON users (workspace_id, id);

-- Bearer tokens, by their hash only. An operator's token has neither user nor workspace.
CREATE TABLE api_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT REFERENCES users (id),
    workspace_id TEXT REFERENCES workspaces (id),
    role TEXT NOT NULL CHECK (role IN ('reader', 'writer', 'admin', 'operator')),
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE, -- SHA-256
    created_at INTEGER NOT NULL,
    last_used_at INTEGER, -- at most an hour behind
    expires_at INTEGER,
    revoked_at INTEGER,
    CHECK ((role = 'operator') = (workspace_id IS NULL)),
    CHECK ((role = 'operator') = (user_id IS NULL))
);
CREATE INDEX api_tokens_workspace ON api_tokens (workspace_id, id);

-- Limits (NULL: none) and usage. Usage is the sum over the rows of audio_uploads, duplicates and
-- trash included; reservations are the open sessions and are not stored here.
CREATE TABLE storage_quotas (
    workspace_id TEXT NOT NULL PRIMARY KEY REFERENCES workspaces (id),
    max_storage_bytes INTEGER CHECK (max_storage_bytes >= 0),
    max_file_count INTEGER CHECK (max_file_count >= 0),
    max_file_size INTEGER CHECK (max_file_size >= 0),
    max_monthly_uploads INTEGER CHECK (max_monthly_uploads >= 0),
    current_storage_bytes INTEGER NOT NULL DEFAULT 0 CHECK (current_storage_bytes >= 0),
    current_file_count INTEGER NOT NULL DEFAULT 0 CHECK (current_file_count >= 0),
    monthly_period TEXT NOT NULL DEFAULT '', -- '2026-11'; the two below are of that month
    monthly_uploads INTEGER NOT NULL DEFAULT 0 CHECK (monthly_uploads >= 0),
    monthly_upload_bytes INTEGER NOT NULL DEFAULT 0 CHECK (monthly_upload_bytes >= 0),
    retention_days INTEGER CHECK (retention_days > 0),
    auto_cleanup INTEGER NOT NULL DEFAULT 0 CHECK (auto_cleanup IN (0, 1)),
    archive_threshold_days INTEGER CHECK (archive_threshold_days > 0),
    archive_storage_class TEXT,
    updated_at INTEGER NOT NULL
);

CREATE TABLE audio_uploads (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    original_filename TEXT NOT NULL, -- as the user gave it, byte for byte
    file_size INTEGER NOT NULL CHECK (file_size >= 0),
    file_type TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    duration REAL CHECK (duration >= 0), -- seconds
    sample_rate INTEGER CHECK (sample_rate >= 0),
    channels INTEGER CHECK (channels >= 0),
    bitrate INTEGER CHECK (bitrate >= 0), -- kbit/s
    codec TEXT,
    metadata TEXT NOT NULL DEFAULT '{}', -- JSON
    storage_provider TEXT NOT NULL CHECK (storage_provider IN ('local', 's3', 'gcs', 'azure')),
    storage_name TEXT NOT NULL, -- the configured store
    storage_class TEXT NOT NULL DEFAULT 'standard',
    storage_path TEXT NOT NULL, -- the object's key; several rows may share one
    storage_url TEXT,
    storage_region TEXT,
    checksum_md5 TEXT NOT NULL,
    checksum_sha256 TEXT NOT NULL,
    encryption_key_id TEXT,
    compression_type TEXT NOT NULL DEFAULT 'none',
    original_size INTEGER NOT NULL CHECK (original_size >= 0),
    compressed_size INTEGER CHECK (compressed_size >= 0), -- bytes in the store, if compressed
    duplicate_of TEXT REFERENCES audio_uploads (id),
    status TEXT NOT NULL DEFAULT 'uploaded' CHECK (status IN
        ('uploaded', 'validating', 'processing', 'completed', 'failed', 'archived', 'deleted')),
    deleted_status TEXT, -- the status to go back to
    uploaded_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    validation_started_at INTEGER,
    validation_completed_at INTEGER,
    processing_started_at INTEGER,
    processing_completed_at INTEGER,
    archived_at INTEGER,
    deleted_at INTEGER, -- in the trash since
    error_code TEXT,
    error_message TEXT,
    retry_count INTEGER NOT NULL DEFAULT 0 CHECK (retry_count >= 0),
    max_retries INTEGER NOT NULL DEFAULT 3 CHECK (max_retries >= 0),
    -- The order by duration, those without one first. A column, because a page can begin behind a
    -- pair of columns of an index, but not behind a pair that holds an expression.
    duration_order REAL GENERATED ALWAYS AS (coalesce(duration, -1)) VIRTUAL,
    CHECK ((status = 'deleted') = (deleted_at IS NOT NULL)),
    CHECK ((status = 'deleted') = (deleted_status IS NOT NULL))
);
-- One index for each order of the list: a page at any depth is one walk along it. That by time holds
-- what the sums of a workspace and the most used filter need besides.
CREATE INDEX audio_uploads_by_time
    ON audio_uploads (workspace_id, uploaded_at, id, status, file_size);
CREATE INDEX audio_uploads_by_size ON audio_uploads (workspace_id, file_size, id);
CREATE INDEX audio_uploads_by_duration ON audio_uploads (workspace_id, duration_order, id);
CREATE INDEX audio_uploads_by_name ON audio_uploads (workspace_id, original_filename, id);
CREATE INDEX audio_uploads_by_content
    ON audio_uploads (workspace_id, checksum_sha256, uploaded_at, id);
CREATE INDEX audio_uploads_by_object ON audio_uploads (storage_path, storage_name);
CREATE INDEX audio_uploads_duplicates ON audio_uploads (duplicate_of) WHERE duplicate_of IS NOT NULL;
CREATE INDEX audio_uploads_trash ON audio_uploads (workspace_id, deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE audio_chunks (
    id TEXT NOT NULL PRIMARY KEY,
    upload_id TEXT NOT NULL REFERENCES audio_uploads (id) ON DELETE CASCADE,
    chunk_index INTEGER NOT NULL CHECK (chunk_index >= 0),
    total_chunks INTEGER NOT NULL CHECK (total_chunks > 0),
    start_time REAL NOT NULL CHECK (start_time >= 0),
    end_time REAL NOT NULL,
    duration REAL NOT NULL,
    chunk_filename TEXT NOT NULL,
    chunk_size INTEGER CHECK (chunk_size >= 0),
    chunk_path TEXT,
    checksum_md5 TEXT,
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN
        ('pending', 'processing', 'completed', 'failed')),
    processing_started_at INTEGER,
    processing_completed_at INTEGER,
    processing_time_ms INTEGER CHECK (processing_time_ms >= 0),
    transcription_result_id TEXT,
    processing_job_id TEXT,
    UNIQUE (upload_id, chunk_index),
    CHECK (chunk_index < total_chunks),
    CHECK (end_time > start_time)
);

-- Sessions: uploads in progress. A row holds the reservation of quota, the key that the bytes will
-- have, and the stage, whose name is the row's id.
CREATE TABLE chunked_uploads (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    upload_id TEXT NOT NULL, -- what the upload will be called
    kind TEXT NOT NULL CHECK (kind IN ('post', 'chunked', 'tus')),
    filename TEXT NOT NULL,
    file_size INTEGER CHECK (file_size >= 0), -- NULL until it is known
    reserved_bytes INTEGER NOT NULL CHECK (reserved_bytes >= 0),
    storage_name TEXT NOT NULL,
    storage_path TEXT NOT NULL,
    idempotency_key TEXT,
    fingerprint TEXT, -- of the request, SHA-256
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX chunked_uploads_workspace ON chunked_uploads (workspace_id);
CREATE INDEX chunked_uploads_expiry ON chunked_uploads (expires_at);
CREATE INDEX chunked_uploads_object ON chunked_uploads (storage_name, storage_path);
CREATE UNIQUE INDEX chunked_uploads_idempotency
    ON chunked_uploads (workspace_id, user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE processing_jobs (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    upload_id TEXT REFERENCES audio_uploads (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN
        ('pending', 'leased', 'completed', 'failed', 'cancelled')),
    priority INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_retries INTEGER NOT NULL DEFAULT 3 CHECK (max_retries >= 0),
    run_after INTEGER NOT NULL,
    options TEXT NOT NULL DEFAULT '{}', -- JSON
    error_code TEXT,
    error_message TEXT,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    completed_at INTEGER
);
CREATE INDEX processing_jobs_upload ON processing_jobs (upload_id);
CREATE INDEX processing_jobs_pending ON processing_jobs (kind, priority, run_after)
    WHERE status = 'pending';

-- What happened to an upload, for people. Outlives it.
CREATE TABLE audio_history (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    upload_id TEXT NOT NULL,
    user_id TEXT, -- NULL: the operator, or the server by itself
    action TEXT NOT NULL,
    detail TEXT NOT NULL DEFAULT '{}', -- JSON
    created_at INTEGER NOT NULL
);
CREATE INDEX audio_history_upload ON audio_history (upload_id, id);

-- The ledger of bytes: append-only.
CREATE TABLE storage_events (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    upload_id TEXT NOT NULL,
    user_id TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('added', 'shared', 'removed', 'unshared')),
    storage_name TEXT NOT NULL,
    storage_path TEXT NOT NULL,
    bytes INTEGER NOT NULL,        -- change of what the workspace is charged
    stored_bytes INTEGER NOT NULL, -- change of what the store holds
    created_at INTEGER NOT NULL
);
CREATE INDEX storage_events_workspace ON storage_events (workspace_id, created_at);

-- Objects that nothing refers to any more, until their removal has succeeded.
CREATE TABLE storage_garbage (
    id TEXT NOT NULL PRIMARY KEY,
    storage_name TEXT NOT NULL,
    storage_path TEXT NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    reason TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (storage_name, storage_path)
);

-- Requests that made something, by the key their client gave. Forgotten after a day.
CREATE TABLE idempotency_keys (
    workspace_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL, -- of the request, SHA-256
    resource_id TEXT NOT NULL, -- what it made
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, user_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- The server's own secrets: the key that signs links.
CREATE TABLE server_secrets (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
);

-- The spec's view, with empty workspaces kept and nothing NULL that has a value. Grouped by the id
-- alone, which is the order the rows come in: what else it shows has one value a workspace.
CREATE VIEW storage_usage_by_workspace AS
SELECT w.id AS workspace_id,
       w.name AS workspace_name,
       count(au.id) AS file_count,
       coalesce(sum(au.file_size), 0) AS total_bytes,
       coalesce(sum(au.file_size), 0) / (1024.0 * 1024.0) AS total_mb,
       avg(au.file_size) AS avg_file_size,
       min(au.uploaded_at) AS oldest_file,
       max(au.uploaded_at) AS newest_file,
       sq.max_storage_bytes AS max_storage_bytes,
       max(sq.max_storage_bytes - sq.current_storage_bytes, 0) AS remaining_bytes
FROM workspaces w
LEFT JOIN storage_quotas sq ON sq.workspace_id = w.id
LEFT JOIN audio_uploads au ON au.workspace_id = w.id AND au.status <> 'deleted'
WHERE w.deleted_at IS NULL
GROUP BY w.id;

-- The spec's view, one row an upload whatever its history.
CREATE VIEW archival_candidates AS
SELECT au.id,
       au.workspace_id,
       au.original_filename,
       au.file_size,
       au.uploaded_at,
       au.storage_provider,
       (unixepoch() - au.uploaded_at / 1000000) / 86400 AS days_old,
       CASE
           WHEN au.processing_completed_at IS NULL THEN 'never_processed'
           WHEN (unixepoch() - au.processing_completed_at / 1000000) / 86400 > 90 THEN 'old_processed'
           ELSE 'recent_processed'
       END AS processing_status
FROM audio_uploads au
WHERE au.status = 'completed'
  AND (unixepoch() - au.uploaded_at / 1000000) / 86400 > 30;
