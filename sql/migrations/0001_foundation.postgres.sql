-- The catalog's first shape. Ids are UUIDv7. Usage changes only in the transaction that changes rows.
-- Texts that are sorted or walked through compare byte by byte (COLLATE "C"), as the store's keys do,
-- whatever the database's own collation.
--
-- PostgreSQL came with migration 0007: what SQLite had to make anew in between (chunked_uploads,
-- processing_jobs) is made once, where it got its last shape.

CREATE TABLE workspaces (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    deleted_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX workspaces_name ON workspaces (lower(name)) WHERE deleted_at IS NULL;
COMMENT ON TABLE workspaces IS 'Tenants';
COMMENT ON COLUMN workspaces.deleted_at IS 'its rows are gone; kept so that its history has a name';

CREATE TABLE users (
    id UUID NOT NULL PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    name TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    disabled_at TIMESTAMPTZ,
    UNIQUE (workspace_id, name)
);
CREATE INDEX users_workspace ON users (workspace_id, id);
COMMENT ON TABLE users IS 'People and programs of a workspace';

CREATE TABLE api_tokens (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID REFERENCES users (id),
    workspace_id UUID REFERENCES workspaces (id),
    role TEXT NOT NULL CHECK (role IN ('reader', 'writer', 'admin', 'operator')),
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    token_hash BYTEA NOT NULL UNIQUE,
    created_at TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ,
    expires_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ,
    CHECK ((role = 'operator') = (workspace_id IS NULL)),
    CHECK ((role = 'operator') = (user_id IS NULL))
);
CREATE INDEX api_tokens_workspace ON api_tokens (workspace_id, id);
COMMENT ON TABLE api_tokens IS
    'Bearer tokens, by their hash only. An operator''s token has neither user nor workspace';
COMMENT ON COLUMN api_tokens.token_hash IS 'SHA-256';
COMMENT ON COLUMN api_tokens.last_used_at IS 'at most an hour behind';

CREATE TABLE storage_quotas (
    workspace_id UUID NOT NULL PRIMARY KEY REFERENCES workspaces (id),
    max_storage_bytes BIGINT CHECK (max_storage_bytes >= 0),
    max_file_count BIGINT CHECK (max_file_count >= 0),
    max_file_size BIGINT CHECK (max_file_size >= 0),
    max_monthly_uploads BIGINT CHECK (max_monthly_uploads >= 0),
    current_storage_bytes BIGINT NOT NULL DEFAULT 0 CHECK (current_storage_bytes >= 0),
    current_file_count BIGINT NOT NULL DEFAULT 0 CHECK (current_file_count >= 0),
    monthly_period TEXT NOT NULL DEFAULT '',
    monthly_uploads BIGINT NOT NULL DEFAULT 0 CHECK (monthly_uploads >= 0),
    monthly_upload_bytes BIGINT NOT NULL DEFAULT 0 CHECK (monthly_upload_bytes >= 0),
    retention_days BIGINT CHECK (retention_days > 0),
    auto_cleanup BOOLEAN NOT NULL DEFAULT FALSE,
    archive_threshold_days BIGINT CHECK (archive_threshold_days > 0),
    archive_storage_class TEXT,
    updated_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE storage_quotas IS
    'Limits (NULL: none) and usage: the sum over the rows of audio_uploads, duplicates and trash '
    'included. Reservations are the open sessions and are not stored here';
COMMENT ON COLUMN storage_quotas.monthly_period IS
    '2026-11; monthly_uploads and monthly_upload_bytes are of that month';

CREATE TABLE audio_uploads (
    id UUID NOT NULL PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    user_id UUID NOT NULL REFERENCES users (id),
    original_filename TEXT COLLATE "C" NOT NULL,
    file_size BIGINT NOT NULL CHECK (file_size >= 0),
    file_type TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    duration DECIMAL(10,3) CHECK (duration >= 0),
    sample_rate INTEGER CHECK (sample_rate >= 0),
    channels INTEGER CHECK (channels >= 0),
    bitrate INTEGER CHECK (bitrate >= 0),
    codec TEXT,
    metadata JSONB NOT NULL DEFAULT '{}',
    storage_provider TEXT NOT NULL CHECK (storage_provider IN ('local', 's3', 'gcs', 'azure')),
    storage_name TEXT COLLATE "C" NOT NULL,
    storage_class TEXT NOT NULL DEFAULT 'standard',
    storage_path TEXT COLLATE "C" NOT NULL,
    storage_url TEXT,
    storage_region TEXT,
    checksum_md5 TEXT NOT NULL,
    checksum_sha256 TEXT COLLATE "C" NOT NULL,
    encryption_key_id UUID,
    compression_type TEXT NOT NULL DEFAULT 'none',
    original_size BIGINT NOT NULL CHECK (original_size >= 0),
    compressed_size BIGINT CHECK (compressed_size >= 0),
    duplicate_of UUID REFERENCES audio_uploads (id),
    status TEXT NOT NULL DEFAULT 'uploaded' CHECK (status IN
        ('uploaded', 'validating', 'processing', 'completed', 'failed', 'archived', 'deleted')),
    deleted_status TEXT,
    uploaded_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    validation_started_at TIMESTAMPTZ,
    validation_completed_at TIMESTAMPTZ,
    processing_started_at TIMESTAMPTZ,
    processing_completed_at TIMESTAMPTZ,
    archived_at TIMESTAMPTZ,
    deleted_at TIMESTAMPTZ,
    error_code TEXT,
    error_message TEXT,
    retry_count INTEGER NOT NULL DEFAULT 0 CHECK (retry_count >= 0),
    max_retries INTEGER NOT NULL DEFAULT 3 CHECK (max_retries >= 0),
    duration_order DECIMAL(10,3) GENERATED ALWAYS AS (coalesce(duration, -1)) STORED,
    CHECK ((status = 'deleted') = (deleted_at IS NOT NULL)),
    CHECK ((status = 'deleted') = (deleted_status IS NOT NULL))
);
-- One index for each order of the list: a page at any depth is one walk along it.
CREATE INDEX audio_uploads_by_time
    ON audio_uploads (workspace_id, uploaded_at, id) INCLUDE (status, file_size);
CREATE INDEX audio_uploads_by_size ON audio_uploads (workspace_id, file_size, id);
CREATE INDEX audio_uploads_by_duration ON audio_uploads (workspace_id, duration_order, id);
CREATE INDEX audio_uploads_by_name ON audio_uploads (workspace_id, original_filename, id);
CREATE INDEX audio_uploads_by_content
    ON audio_uploads (workspace_id, checksum_sha256, uploaded_at, id);
CREATE INDEX audio_uploads_by_object ON audio_uploads (storage_path, storage_name);
CREATE INDEX audio_uploads_by_store ON audio_uploads (storage_name, storage_path);
CREATE INDEX audio_uploads_duplicates ON audio_uploads (duplicate_of) WHERE duplicate_of IS NOT NULL;
CREATE INDEX audio_uploads_trash ON audio_uploads (workspace_id, deleted_at)
    WHERE deleted_at IS NOT NULL;
COMMENT ON TABLE audio_uploads IS 'A file that someone gave, and what is known of it';
COMMENT ON COLUMN audio_uploads.original_filename IS 'as the user gave it, byte for byte';
COMMENT ON COLUMN audio_uploads.duration IS 'seconds';
COMMENT ON COLUMN audio_uploads.bitrate IS 'kbit/s';
COMMENT ON COLUMN audio_uploads.storage_name IS 'the configured store';
COMMENT ON COLUMN audio_uploads.storage_path IS 'the object''s key; several rows may share one';
COMMENT ON COLUMN audio_uploads.compressed_size IS 'bytes in the store, if compressed';
COMMENT ON COLUMN audio_uploads.duplicate_of IS 'the upload it shares its object with';
COMMENT ON COLUMN audio_uploads.deleted_status IS 'the status to go back to';
COMMENT ON COLUMN audio_uploads.deleted_at IS 'in the trash since';
COMMENT ON COLUMN audio_uploads.duration_order IS 'the order by duration, those without one first';

CREATE TABLE audio_chunks (
    id UUID NOT NULL PRIMARY KEY,
    upload_id UUID NOT NULL REFERENCES audio_uploads (id) ON DELETE CASCADE,
    chunk_index INTEGER NOT NULL CHECK (chunk_index >= 0),
    total_chunks INTEGER NOT NULL CHECK (total_chunks > 0),
    start_time DECIMAL(10,3) NOT NULL CHECK (start_time >= 0),
    end_time DECIMAL(10,3) NOT NULL,
    duration DECIMAL(10,3) NOT NULL,
    chunk_filename TEXT NOT NULL,
    chunk_size BIGINT CHECK (chunk_size >= 0),
    chunk_path TEXT,
    checksum_md5 TEXT,
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN
        ('pending', 'processing', 'completed', 'failed')),
    processing_started_at TIMESTAMPTZ,
    processing_completed_at TIMESTAMPTZ,
    processing_time_ms BIGINT CHECK (processing_time_ms >= 0),
    transcription_result_id UUID,
    processing_job_id UUID,
    UNIQUE (upload_id, chunk_index),
    CHECK (chunk_index < total_chunks),
    CHECK (end_time > start_time)
);
COMMENT ON TABLE audio_chunks IS 'Spans of time of an upload''s audio';

CREATE TABLE audio_history (
    id UUID NOT NULL PRIMARY KEY,
    workspace_id UUID NOT NULL,
    upload_id UUID NOT NULL,
    user_id UUID,
    action TEXT NOT NULL,
    detail JSONB NOT NULL DEFAULT '{}',
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX audio_history_upload ON audio_history (upload_id, id);
COMMENT ON TABLE audio_history IS 'What happened to an upload, for people. Outlives it';
COMMENT ON COLUMN audio_history.user_id IS 'NULL: the operator, or the server by itself';

CREATE TABLE storage_events (
    id UUID NOT NULL PRIMARY KEY,
    workspace_id UUID NOT NULL,
    upload_id UUID NOT NULL,
    user_id UUID,
    kind TEXT NOT NULL CHECK (kind IN ('added', 'shared', 'removed', 'unshared')),
    storage_name TEXT NOT NULL,
    storage_path TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    stored_bytes BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX storage_events_workspace ON storage_events (workspace_id, created_at);
COMMENT ON TABLE storage_events IS 'The ledger of bytes: append-only';
COMMENT ON COLUMN storage_events.bytes IS 'change of what the workspace is charged';
COMMENT ON COLUMN storage_events.stored_bytes IS 'change of what the store holds';

CREATE TABLE storage_garbage (
    id UUID NOT NULL PRIMARY KEY,
    storage_name TEXT NOT NULL,
    storage_path TEXT NOT NULL,
    bytes BIGINT NOT NULL CHECK (bytes >= 0),
    reason TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (storage_name, storage_path)
);
COMMENT ON TABLE storage_garbage IS
    'Objects that nothing refers to any more, until their removal has succeeded';

CREATE TABLE idempotency_keys (
    workspace_id UUID NOT NULL,
    user_id UUID NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    resource_id UUID NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, user_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
COMMENT ON TABLE idempotency_keys IS
    'Requests that made something, by the key their client gave. Forgotten after a day';
COMMENT ON COLUMN idempotency_keys.fingerprint IS 'of the request, SHA-256';
COMMENT ON COLUMN idempotency_keys.resource_id IS 'what it made';

CREATE TABLE server_secrets (
    name TEXT NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);
COMMENT ON TABLE server_secrets IS 'The server''s own secrets: the key that signs links';

-- The spec's view, with empty workspaces kept and nothing NULL that has a value.
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
       CASE WHEN sq.max_storage_bytes IS NOT NULL -- greatest() passes over NULL
            THEN greatest(sq.max_storage_bytes - sq.current_storage_bytes, 0)
       END AS remaining_bytes
FROM workspaces w
LEFT JOIN storage_quotas sq ON sq.workspace_id = w.id
LEFT JOIN audio_uploads au ON au.workspace_id = w.id AND au.status <> 'deleted'
WHERE w.deleted_at IS NULL
GROUP BY w.id, sq.workspace_id;

-- The spec's view, one row an upload whatever its history.
CREATE VIEW archival_candidates AS
SELECT au.id,
       au.workspace_id,
       au.original_filename,
       au.file_size,
       au.uploaded_at,
       au.storage_provider,
       extract(day FROM now() - au.uploaded_at)::BIGINT AS days_old,
       CASE
           WHEN au.processing_completed_at IS NULL THEN 'never_processed'
           WHEN extract(day FROM now() - au.processing_completed_at) > 90 THEN 'old_processed'
           ELSE 'recent_processed'
       END AS processing_status
FROM audio_uploads au
WHERE au.status = 'completed' AND au.uploaded_at <= now() - INTERVAL '31 days';
