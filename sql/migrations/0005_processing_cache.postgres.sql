-- Results of processing, kept for as long as they may be needed again. A workspace's own: what
-- another one has done with the same content is not known to it.

CREATE TABLE file_processing_cache (
    id UUID NOT NULL PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    file_hash TEXT COLLATE "C" NOT NULL,
    file_size BIGINT NOT NULL CHECK (file_size >= 0),
    processing_options_hash TEXT COLLATE "C" NOT NULL,
    cache_type TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    accessed_at TIMESTAMPTZ NOT NULL,
    access_count BIGINT NOT NULL DEFAULT 0 CHECK (access_count >= 0),
    expires_at TIMESTAMPTZ,
    compressed BOOLEAN NOT NULL,
    compression_ratio NUMERIC NOT NULL CHECK (compression_ratio > 0),
    data_bytes BIGINT NOT NULL CHECK (data_bytes > 0),
    stored_bytes BIGINT NOT NULL CHECK (stored_bytes > 0),
    processing_time_ms BIGINT NOT NULL CHECK (processing_time_ms >= 0),
    cache_data BYTEA NOT NULL,
    CHECK (compressed OR data_bytes = stored_bytes),
    UNIQUE (workspace_id, file_hash, processing_options_hash, cache_type)
);
ALTER TABLE file_processing_cache ALTER COLUMN cache_data SET STORAGE EXTERNAL; -- packed already
CREATE INDEX file_processing_cache_expiry
    ON file_processing_cache (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX file_processing_cache_use ON file_processing_cache (workspace_id, accessed_at, id);
COMMENT ON TABLE file_processing_cache IS 'Results of processing, by content, options and type';
COMMENT ON COLUMN file_processing_cache.id IS 'another one whenever the result is another one';
COMMENT ON COLUMN file_processing_cache.file_hash IS 'SHA-256 of the content, hex';
COMMENT ON COLUMN file_processing_cache.processing_options_hash IS
    'SHA-256 of the options'' canonical JSON (RFC 8785), hex';
COMMENT ON COLUMN file_processing_cache.expires_at IS 'NULL: never';
COMMENT ON COLUMN file_processing_cache.compression_ratio IS 'data_bytes / stored_bytes';
COMMENT ON COLUMN file_processing_cache.processing_time_ms IS 'that the result took';
COMMENT ON COLUMN file_processing_cache.cache_data IS 'JSON as it came, or that in zstd';

-- The triggers below are all that changes entries and bytes, and what counts hits, so that no statement
-- can forget to.
CREATE TABLE processing_cache_figures (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    cache_type TEXT COLLATE "C" NOT NULL,
    entries BIGINT NOT NULL DEFAULT 0 CHECK (entries >= 0),
    data_bytes BIGINT NOT NULL DEFAULT 0 CHECK (data_bytes >= 0),
    stored_bytes BIGINT NOT NULL DEFAULT 0 CHECK (stored_bytes >= 0),
    hits BIGINT NOT NULL DEFAULT 0 CHECK (hits >= 0),
    misses BIGINT NOT NULL DEFAULT 0 CHECK (misses >= 0),
    time_saved_ms BIGINT NOT NULL DEFAULT 0 CHECK (time_saved_ms >= 0),
    PRIMARY KEY (workspace_id, cache_type)
);
COMMENT ON TABLE processing_cache_figures IS
    'What a workspace''s cache holds of each type, and what came of it';

CREATE FUNCTION file_processing_cache_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO processing_cache_figures AS f
        (workspace_id, cache_type, entries, data_bytes, stored_bytes)
    VALUES (NEW.workspace_id, NEW.cache_type, 1, NEW.data_bytes, NEW.stored_bytes)
    ON CONFLICT (workspace_id, cache_type) DO UPDATE
    SET entries = f.entries + 1, data_bytes = f.data_bytes + NEW.data_bytes,
        stored_bytes = f.stored_bytes + NEW.stored_bytes;
    RETURN NULL;
END $$;
CREATE TRIGGER file_processing_cache_added AFTER INSERT ON file_processing_cache
FOR EACH ROW EXECUTE FUNCTION file_processing_cache_added();

CREATE FUNCTION file_processing_cache_replaced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE processing_cache_figures
    SET data_bytes = data_bytes + NEW.data_bytes - OLD.data_bytes,
        stored_bytes = stored_bytes + NEW.stored_bytes - OLD.stored_bytes
    WHERE workspace_id = NEW.workspace_id AND cache_type = NEW.cache_type;
    RETURN NULL;
END $$;
CREATE TRIGGER file_processing_cache_replaced
AFTER UPDATE OF data_bytes, stored_bytes ON file_processing_cache
FOR EACH ROW EXECUTE FUNCTION file_processing_cache_replaced();

CREATE FUNCTION file_processing_cache_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE processing_cache_figures
    SET entries = entries - 1, data_bytes = data_bytes - OLD.data_bytes,
        stored_bytes = stored_bytes - OLD.stored_bytes
    WHERE workspace_id = OLD.workspace_id AND cache_type = OLD.cache_type;
    RETURN NULL;
END $$;
CREATE TRIGGER file_processing_cache_removed AFTER DELETE ON file_processing_cache
FOR EACH ROW EXECUTE FUNCTION file_processing_cache_removed();

CREATE FUNCTION file_processing_cache_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE processing_cache_figures
    SET hits = hits + 1, time_saved_ms = time_saved_ms + NEW.processing_time_ms
    WHERE workspace_id = NEW.workspace_id AND cache_type = NEW.cache_type;
    RETURN NULL;
END $$;
CREATE TRIGGER file_processing_cache_used AFTER UPDATE OF access_count ON file_processing_cache
FOR EACH ROW WHEN (NEW.access_count > OLD.access_count)
EXECUTE FUNCTION file_processing_cache_used();
