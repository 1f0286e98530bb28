-- Results of processing, kept for as long as they may be needed again. A workspace's own: what
-- another one has done with the same content is not known to it.

CREATE TABLE file_processing_cache (
    id TEXT NOT NULL PRIMARY KEY, -- another one whenever the result is another one
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    file_hash TEXT NOT NULL, -- SHA-256 of the content, hex
    file_size INTEGER NOT NULL CHECK (file_size >= 0),
    processing_options_hash TEXT NOT NULL, -- SHA-256 of the options' canonical JSON (RFC 8785), hex
    cache_type TEXT NOT NULL, -- 'transcription', 'summary' …
    created_at INTEGER NOT NULL,
    accessed_at INTEGER NOT NULL,
    access_count INTEGER NOT NULL DEFAULT 0 CHECK (access_count >= 0),
    expires_at INTEGER, -- NULL: never
    compressed INTEGER NOT NULL CHECK (compressed IN (0, 1)),
    compression_ratio REAL NOT NULL CHECK (compression_ratio > 0), -- data_bytes / stored_bytes
    data_bytes INTEGER NOT NULL CHECK (data_bytes > 0), -- of the JSON
    stored_bytes INTEGER NOT NULL CHECK (stored_bytes > 0), -- of cache_data
    processing_time_ms INTEGER NOT NULL CHECK (processing_time_ms >= 0), -- that the result took
    cache_data BLOB NOT NULL, -- JSON as it came, or that in zstd; last, as it fills pages of its own
    CHECK (compressed = 1 OR data_bytes = stored_bytes),
    UNIQUE (workspace_id, file_hash, processing_options_hash, cache_type)
);
CREATE INDEX file_processing_cache_expiry
    ON file_processing_cache (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX file_processing_cache_use ON file_processing_cache (workspace_id, accessed_at, id);

-- What a workspace's cache holds of each type, and what came of it. The triggers below are all that
-- changes entries and bytes, and what counts hits, so that no statement can forget to.
CREATE TABLE processing_cache_figures (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    cache_type TEXT NOT NULL,
    entries INTEGER NOT NULL DEFAULT 0 CHECK (entries >= 0),
    data_bytes INTEGER NOT NULL DEFAULT 0 CHECK (data_bytes >= 0),
    stored_bytes INTEGER NOT NULL DEFAULT 0 CHECK (stored_bytes >= 0),
    hits INTEGER NOT NULL DEFAULT 0 CHECK (hits >= 0),
    misses INTEGER NOT NULL DEFAULT 0 CHECK (misses >= 0),
    time_saved_ms INTEGER NOT NULL DEFAULT 0 CHECK (time_saved_ms >= 0),
    PRIMARY KEY (workspace_id, cache_type)
) WITHOUT ROWID;

CREATE TRIGGER file_processing_cache_added AFTER INSERT ON file_processing_cache
BEGIN
    INSERT INTO processing_cache_figures (workspace_id, cache_type, entries, data_bytes, stored_bytes)
    VALUES (NEW.workspace_id, NEW.cache_type, 1, NEW.data_bytes, NEW.stored_bytes)
    ON CONFLICT (workspace_id, cache_type) DO UPDATE
    SET entries = entries + 1, data_bytes = data_bytes + NEW.data_bytes,
        stored_bytes = stored_bytes + NEW.stored_bytes;
END;
CREATE TRIGGER file_processing_cache_replaced
AFTER UPDATE OF data_bytes, stored_bytes ON file_processing_cache
BEGIN
    UPDATE processing_cache_figures
    SET data_bytes = data_bytes + NEW.data_bytes - OLD.data_bytes,
        stored_bytes = stored_bytes + NEW.stored_bytes - OLD.stored_bytes
    WHERE workspace_id = NEW.workspace_id AND cache_type = NEW.cache_type;
END;
CREATE TRIGGER file_processing_cache_removed AFTER DELETE ON file_processing_cache
BEGIN
    UPDATE processing_cache_figures
    SET entries = entries - 1, data_bytes = data_bytes - OLD.data_bytes,
        stored_bytes = stored_bytes - OLD.stored_bytes
    WHERE workspace_id = OLD.workspace_id AND cache_type = OLD.cache_type;
END;
CREATE TRIGGER file_processing_cache_used AFTER UPDATE OF access_count ON file_processing_cache
WHEN NEW.access_count > OLD.access_count
BEGIN
    UPDATE processing_cache_figures
    SET hits = hits + 1, time_saved_ms = time_saved_ms + NEW.processing_time_ms
    WHERE workspace_id = NEW.workspace_id AND cache_type = NEW.cache_type;
END;
