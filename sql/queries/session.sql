-- name: session_insert
INSERT INTO chunked_uploads (id, workspace_id, user_id, upload_id, kind, filename, file_size,
                             reserved_bytes, storage_name, storage_path, idempotency_key, fingerprint,
                             created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);

-- name: session_reserved
SELECT reserved_bytes FROM chunked_uploads WHERE workspace_id = $1 AND id = $2;

-- name: session_reserve
UPDATE chunked_uploads SET reserved_bytes = $2 WHERE id = $1;

-- name: session_end
DELETE FROM chunked_uploads WHERE id = $1;

-- name: session_list
SELECT id, workspace_id, user_id, upload_id, kind, filename, file_size, reserved_bytes, storage_name,
       storage_path, idempotency_key, fingerprint, created_at, expires_at
FROM chunked_uploads WHERE id > $1 ORDER BY id LIMIT $2;

-- name: session_expired
SELECT id, workspace_id, user_id, upload_id, kind, filename, file_size, reserved_bytes, storage_name,
       storage_path, idempotency_key, fingerprint, created_at, expires_at
FROM chunked_uploads WHERE expires_at < $1 ORDER BY expires_at LIMIT $2;

-- name: session_by_idempotency_key
SELECT fingerprint FROM chunked_uploads
WHERE workspace_id = $1 AND user_id = $2 AND idempotency_key = $3;

-- name: session_exists
SELECT count(*) FROM chunked_uploads WHERE id = $1;

-- name: session_holds_path
SELECT count(*) FROM chunked_uploads WHERE storage_name = $1 AND storage_path = $2;

-- name: session_figures
SELECT count(*), coalesce(sum(reserved_bytes), 0) FROM chunked_uploads;
