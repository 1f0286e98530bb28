-- Figures follow from what is done to the entries: by triggers of the migration.

-- name: cache_look
-- What is kept, but for what has expired.
SELECT id, file_hash, file_size, processing_options_hash, cache_type, created_at, accessed_at,
       access_count, expires_at, compressed, data_bytes, stored_bytes, processing_time_ms, cache_data
FROM file_processing_cache
WHERE workspace_id = $1 AND file_hash = $2 AND processing_options_hash = $3 AND cache_type = $4
  AND (expires_at IS NULL OR expires_at > $5);

-- name: cache_hit
-- Looks up, touches and counts. What has expired is not found. The data is not among what comes
-- back: nobody's writing waits until megabytes are copied.
UPDATE file_processing_cache
SET accessed_at = $5, access_count = access_count + 1
WHERE workspace_id = $1 AND file_hash = $2 AND processing_options_hash = $3 AND cache_type = $4
  AND (expires_at IS NULL OR expires_at > $5)
RETURNING id, accessed_at, access_count;

-- name: cache_miss
-- Counts one. Names that somebody makes up must not fill the table: there are $3 types at most.
INSERT INTO processing_cache_figures (workspace_id, cache_type, misses)
SELECT id, $2, 1 FROM workspaces
WHERE id = $1
  AND (EXISTS (SELECT 1 FROM processing_cache_figures WHERE workspace_id = $1 AND cache_type = $2)
       OR (SELECT count(*) FROM processing_cache_figures WHERE workspace_id = $1) < $3)
ON CONFLICT (workspace_id, cache_type) DO UPDATE
SET misses = processing_cache_figures.misses + 1;

-- name: cache_other_types
-- How many types the workspace has besides this one.
SELECT count(*) FROM processing_cache_figures WHERE workspace_id = $1 AND cache_type <> $2;

-- name: cache_content_size
SELECT file_size FROM audio_uploads WHERE workspace_id = $1 AND checksum_sha256 = $2 LIMIT 1;

-- name: cache_put
INSERT INTO file_processing_cache (
    id, workspace_id, file_hash, file_size, processing_options_hash, cache_type, created_at,
    accessed_at, access_count, expires_at, compressed, compression_ratio, data_bytes, stored_bytes,
    processing_time_ms, cache_data)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 0, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (workspace_id, file_hash, processing_options_hash, cache_type) DO UPDATE
SET id = excluded.id, file_size = excluded.file_size, created_at = excluded.created_at,
    accessed_at = excluded.accessed_at, access_count = 0, expires_at = excluded.expires_at,
    compressed = excluded.compressed, compression_ratio = excluded.compression_ratio,
    data_bytes = excluded.data_bytes, stored_bytes = excluded.stored_bytes,
    processing_time_ms = excluded.processing_time_ms, cache_data = excluded.cache_data;

-- name: cache_used
-- What the workspace's cache takes, at $2 bytes an entry besides its data.
SELECT coalesce(sum(stored_bytes + entries * $2), 0) FROM processing_cache_figures
WHERE workspace_id = $1;

-- name: cache_least_used
-- Those that were used the longest time ago, but for one.
SELECT id, stored_bytes FROM file_processing_cache
WHERE workspace_id = $1 AND id <> $2
ORDER BY accessed_at, id LIMIT $3;

-- name: cache_remove_id
DELETE FROM file_processing_cache WHERE id = $1;

-- name: cache_remove_key
DELETE FROM file_processing_cache
WHERE workspace_id = $1 AND file_hash = $2 AND processing_options_hash = $3 AND cache_type = $4;

-- name: cache_remove_of_content
-- Unless a record of the content is left, live or in the trash.
DELETE FROM file_processing_cache
WHERE workspace_id = $1 AND file_hash = $2
  AND NOT EXISTS (SELECT 1 FROM audio_uploads WHERE workspace_id = $1 AND checksum_sha256 = $2);

-- name: cache_remove_some
-- At most $3 of a workspace's entries, of the type $2 or, where that is NULL, of any.
DELETE FROM file_processing_cache
WHERE id IN (SELECT id FROM file_processing_cache
             WHERE workspace_id = $1 AND cache_type = coalesce($2, cache_type) LIMIT $3);

-- name: cache_remove_expired
DELETE FROM file_processing_cache
WHERE id IN (SELECT id FROM file_processing_cache
             WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2);

-- name: cache_remove_all
DELETE FROM file_processing_cache WHERE workspace_id = $1;

-- name: cache_forget_figures
DELETE FROM processing_cache_figures WHERE workspace_id = $1;

-- name: cache_figures
SELECT cache_type, entries, data_bytes, stored_bytes, hits, misses, time_saved_ms
FROM processing_cache_figures WHERE workspace_id = $1 ORDER BY cache_type LIMIT $2;

-- name: cache_totals
SELECT coalesce(sum(entries), 0), coalesce(sum(data_bytes), 0), coalesce(sum(stored_bytes), 0),
       coalesce(sum(hits), 0), coalesce(sum(misses), 0), coalesce(sum(time_saved_ms), 0)
FROM processing_cache_figures;

-- name: cache_audit
-- What the figures of bytes and entries say beside the rows, wherever there is either.
SELECT workspace_id, sum(kept_entries), sum(row_entries), sum(kept_bytes), sum(row_bytes)
FROM (SELECT workspace_id, entries AS kept_entries, 0 AS row_entries,
             stored_bytes AS kept_bytes, 0 AS row_bytes
      FROM processing_cache_figures
      UNION ALL
      SELECT workspace_id, 0, 1, 0, length(cache_data) FROM file_processing_cache) AS each
GROUP BY workspace_id;
