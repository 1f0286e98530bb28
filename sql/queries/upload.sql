-- Statements that give whole uploads select * : the table's columns in the order of the migrations,
-- which only ever add columns at the end.

-- name: upload_insert
INSERT INTO audio_uploads (
    id, workspace_id, user_id, original_filename, file_size, file_type, mime_type, duration,
    sample_rate, channels, bitrate, codec, metadata, storage_provider, storage_name, storage_class,
    storage_path, storage_url, storage_region, checksum_md5, checksum_sha256, compression_type,
    original_size, compressed_size, duplicate_of, status, uploaded_at, updated_at, max_retries)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
        $22, $23, $24, $25, $26, $27, $28, $29);

-- name: upload_by_id
SELECT * FROM audio_uploads WHERE id = $2 AND workspace_id = $1;

-- name: upload_anywhere
SELECT * FROM audio_uploads WHERE id = $1;

-- name: upload_by_content
-- The oldest live one, else the oldest in the trash; each found without sorting, however many there
-- are.
SELECT * FROM (
    SELECT * FROM audio_uploads
    WHERE workspace_id = $1 AND checksum_sha256 = $2 AND +file_size = $3 AND status <> 'deleted'
    ORDER BY uploaded_at, id LIMIT 1) AS live
UNION ALL
SELECT * FROM (
    SELECT * FROM audio_uploads
    WHERE workspace_id = $1 AND checksum_sha256 = $2 AND +file_size = $3 AND status = 'deleted'
    ORDER BY uploaded_at, id LIMIT 1) AS trash
LIMIT 1;

-- name: upload_content_is_new
-- Gives a row if upload_by_content gives none.
SELECT 1 WHERE NOT EXISTS (
    SELECT 1 FROM audio_uploads
    WHERE workspace_id = $1 AND checksum_sha256 = $2 AND +file_size = $3);

-- name: upload_content_is_same
-- Gives a row if upload_by_content gives $4, and what another upload takes over from it is as it was.
SELECT 1 FROM (
    SELECT * FROM (
        SELECT * FROM audio_uploads
        WHERE workspace_id = $1 AND checksum_sha256 = $2 AND +file_size = $3 AND status <> 'deleted'
        ORDER BY uploaded_at, id LIMIT 1) AS live
    UNION ALL
    SELECT * FROM (
        SELECT * FROM audio_uploads
        WHERE workspace_id = $1 AND checksum_sha256 = $2 AND +file_size = $3 AND status = 'deleted'
        ORDER BY uploaded_at, id LIMIT 1) AS trash
    LIMIT 1) AS found
WHERE id = $4 AND storage_name = $5 AND storage_path = $6 AND storage_class = $7
  AND deleted_at IS NOT DISTINCT FROM $8 AND duplicate_of IS NOT DISTINCT FROM $9;

-- name: upload_by_path
-- All who share an object are of one workspace.
SELECT * FROM audio_uploads
WHERE storage_path = $1
ORDER BY deleted_at IS NOT NULL, duplicate_of IS NOT NULL, uploaded_at, id LIMIT 1;

-- name: upload_change
UPDATE audio_uploads SET original_filename = $2, metadata = $3, updated_at = $4 WHERE id = $1;

-- name: upload_set_class
UPDATE audio_uploads SET storage_class = $3, updated_at = $4
WHERE storage_path = $2 AND storage_name = $1;

-- name: upload_trash
UPDATE audio_uploads
SET deleted_status = status, status = 'deleted', deleted_at = $3, updated_at = $3
WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL;

-- name: upload_undelete
UPDATE audio_uploads
SET status = deleted_status, deleted_status = NULL, deleted_at = NULL, updated_at = $3
WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NOT NULL;

-- name: upload_next_original
-- Of the uploads that name $1 as their original, the oldest, live ones before those in the trash.
SELECT id FROM audio_uploads WHERE duplicate_of = $1
ORDER BY deleted_at IS NOT NULL, uploaded_at, id LIMIT 1;

-- name: upload_make_original
UPDATE audio_uploads SET duplicate_of = NULL WHERE id = $1;

-- name: upload_follow_original
UPDATE audio_uploads SET duplicate_of = $2 WHERE duplicate_of = $1;

-- name: upload_remove
DELETE FROM audio_uploads WHERE id = $1;

-- name: upload_count_sharing
SELECT count(*) FROM audio_uploads WHERE storage_name = $1 AND storage_path = $2;

-- name: upload_ids
SELECT id FROM audio_uploads WHERE workspace_id = $1 LIMIT $2;

-- name: upload_store_names
SELECT DISTINCT storage_name FROM audio_uploads WHERE storage_name > $1 ORDER BY storage_name LIMIT $2;

-- name: upload_objects
SELECT storage_path, max(coalesce(compressed_size, file_size)), max(checksum_sha256), count(*),
       sum(CASE WHEN deleted_at IS NULL THEN 1 ELSE 0 END)
FROM audio_uploads
WHERE storage_name = $1 AND storage_path > $2
GROUP BY storage_path ORDER BY storage_path LIMIT $3;
