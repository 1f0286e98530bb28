-- Statements that give files select the table's columns in their order.

-- name: derived_add
INSERT INTO derived_files (storage_name, storage_path, upload_id, kind, number, size, checksum_md5,
                           checksum_sha256, job_id, lease_token, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: derived_share
-- All of a kind that another job has made, and whose upload keeps it, for one more.
INSERT INTO derived_files (storage_name, storage_path, upload_id, kind, number, size, checksum_md5,
                           checksum_sha256, job_id, lease_token, created_at)
SELECT storage_name, storage_path, $1, kind, number, size, checksum_md5, checksum_sha256, $2, $3,
       created_at
FROM derived_files
WHERE upload_id = $4 AND job_id = $5 AND lease_token = $6 AND kind = $7 AND kept = 1;

-- name: derived_keep
UPDATE derived_files SET kept = 1 WHERE job_id = $1 AND lease_token = $2 AND kind = $3 AND kept = 0;

-- name: derived_remove
DELETE FROM derived_files
WHERE storage_name = $1 AND storage_path = $2 AND job_id = $3 AND lease_token = $4;

-- name: derived_count_sharing
SELECT count(*) FROM derived_files WHERE storage_name = $1 AND storage_path = $2;

-- name: derived_kept
SELECT * FROM derived_files
WHERE upload_id = $1 AND kind = $2 AND number >= $3 AND kept = 1 ORDER BY number LIMIT $4;

-- name: derived_of_upload
SELECT * FROM derived_files WHERE upload_id = $1 LIMIT $2;

-- name: derived_loose
-- Not kept, and nobody is at work on it any more.
SELECT * FROM derived_files
WHERE kept = 0
  AND NOT EXISTS (SELECT 1 FROM processing_jobs j
                  WHERE j.id = derived_files.job_id AND j.status = 'leased'
                    AND j.lease_token = derived_files.lease_token)
LIMIT $1;

-- name: derived_at
SELECT * FROM derived_files WHERE storage_name = $1 AND storage_path = $2
ORDER BY kept DESC, job_id LIMIT 1;

-- name: derived_has
SELECT count(*) FROM derived_files
WHERE storage_name = $1 AND storage_path = $2 AND upload_id = $3 AND kept = 1;

-- name: derived_walk
-- Each path once.
SELECT * FROM derived_files
WHERE storage_name = $1 AND storage_path > $2 AND kept = 1
  AND NOT EXISTS (SELECT 1 FROM derived_files f
                  WHERE f.storage_name = derived_files.storage_name
                    AND f.storage_path = derived_files.storage_path AND f.kept = 1
                    AND (f.job_id, f.lease_token) < (derived_files.job_id, derived_files.lease_token))
ORDER BY storage_path LIMIT $3;

-- name: derived_of_content
-- Of all uploads of a workspace that have it.
SELECT d.* FROM audio_uploads u JOIN derived_files d ON d.upload_id = u.id
WHERE u.workspace_id = $1 AND u.checksum_sha256 = $2 AND d.kind = $3 AND d.kept = 1 LIMIT $4;

-- name: derived_alike
-- The same, of those of a number and of these bytes, each path once.
SELECT d.* FROM audio_uploads u JOIN derived_files d ON d.upload_id = u.id
WHERE u.workspace_id = $1 AND u.checksum_sha256 = $2 AND d.kind = $3 AND d.kept = 1
  AND d.number = $4 AND d.checksum_sha256 = $5
  AND NOT EXISTS (SELECT 1 FROM derived_files f
                  WHERE f.storage_name = d.storage_name AND f.storage_path = d.storage_path
                    AND f.kept = 1 AND (f.job_id, f.lease_token) < (d.job_id, d.lease_token))
ORDER BY d.created_at DESC LIMIT $6;

-- name: derived_bytes_beside
-- What a workspace's files take, each object once, but for those of kind $3 that only upload $2 has.
SELECT coalesce(sum(d.size), 0) FROM audio_uploads u JOIN derived_files d ON d.upload_id = u.id
WHERE u.workspace_id = $1 AND NOT (d.upload_id = $2 AND d.kind = $3)
  AND NOT EXISTS (SELECT 1 FROM derived_files f
                  WHERE f.storage_name = d.storage_name AND f.storage_path = d.storage_path
                    AND (f.job_id, f.lease_token) < (d.job_id, d.lease_token)
                    AND NOT (f.upload_id = $2 AND f.kind = $3));

-- name: derived_note_recipe
INSERT INTO derived_recipes (upload_id, kind, options, made_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (upload_id, kind) DO UPDATE SET options = excluded.options, made_at = excluded.made_at;

-- name: derived_recipe
SELECT options FROM derived_recipes WHERE upload_id = $1 AND kind = $2;
