-- name: garbage_add
INSERT INTO storage_garbage (id, storage_name, storage_path, bytes, reason, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (storage_name, storage_path) DO NOTHING;

-- name: garbage_remove
DELETE FROM storage_garbage WHERE storage_name = $1 AND storage_path = $2;

-- name: garbage_settle
UPDATE storage_garbage SET reason = $3 WHERE storage_name = $1 AND storage_path = $2;

-- name: garbage_list
SELECT id, storage_name, storage_path, bytes, reason, created_at FROM storage_garbage
WHERE id > $1 ORDER BY id LIMIT $2;

-- name: garbage_holds
SELECT count(*) FROM storage_garbage WHERE storage_name = $1 AND storage_path = $2;
