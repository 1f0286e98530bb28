-- name: session_insert
INSERT INTO chunked_uploads (id, workspace_id, user_id, upload_id, kind, filename, file_size,
                             chunk_size, total_chunks, reserved_bytes, storage_name, storage_path,
                             declared_type, on_duplicate, claimed_md5, claimed_sha256, metadata,
                             concatenation, partials, idempotency_key, fingerprint, created_at,
                             expires_at, protocol_headers, node_id, shared)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
        $21, $22, $23, $24, $25, $26);

-- name: session_insert_if_room
-- As session_insert of a whole file, if quota_check_file would pass: in the month $27, of which nothing
-- was charged where the quota tells of another, and with $28 as the most that any workspace can hold.
INSERT INTO chunked_uploads (id, workspace_id, user_id, upload_id, kind, filename, file_size,
                             chunk_size, total_chunks, reserved_bytes, storage_name, storage_path,
                             declared_type, on_duplicate, claimed_md5, claimed_sha256, metadata,
                             concatenation, partials, idempotency_key, fingerprint, created_at,
                             expires_at, protocol_headers, node_id, shared)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
       $21, $22, $23, $24, $25, $26
FROM workspaces w
JOIN storage_quotas q ON q.workspace_id = w.id
LEFT JOIN chunked_uploads s ON s.workspace_id = q.workspace_id AND s.status = 'initiated'
WHERE w.id = $2 AND w.deleted_at IS NULL
GROUP BY q.workspace_id
HAVING (q.max_file_size IS NULL OR q.max_file_size >= $10)
   AND (q.max_storage_bytes IS NULL
        OR q.max_storage_bytes >= q.current_storage_bytes + $10 + coalesce(sum(s.reserved_bytes), 0))
   AND $28 >= q.current_storage_bytes + $10 + coalesce(sum(s.reserved_bytes), 0)
   AND (q.max_file_count IS NULL
        OR q.max_file_count > q.current_file_count
           + count(CASE WHEN s.concatenation = 'partial' THEN NULL ELSE s.id END))
   AND (q.max_monthly_uploads IS NULL
        OR q.max_monthly_uploads > CASE WHEN q.monthly_period = $27 THEN q.monthly_uploads ELSE 0 END
           + count(CASE WHEN s.concatenation = 'partial' THEN NULL ELSE s.id END));

-- name: session_reserved
SELECT reserved_bytes FROM chunked_uploads
WHERE workspace_id = $1 AND id = $2 AND status = 'initiated';

-- name: session_reserve
UPDATE chunked_uploads SET reserved_bytes = $2
WHERE id = $1 AND status = 'initiated' AND file_size IS NULL;

-- name: session_set_size
UPDATE chunked_uploads SET file_size = $2, reserved_bytes = $3
WHERE id = $1 AND status = 'initiated' AND file_size IS NULL;

-- name: session_touch
UPDATE chunked_uploads SET expires_at = $2, error_message = NULL
WHERE id = $1 AND status = 'initiated';

-- name: session_set_node
UPDATE chunked_uploads SET node_id = $2 WHERE id = $1 AND status = 'initiated';

-- name: session_finishing
-- Unless another node is at it, which is alive at $3.
UPDATE chunked_uploads SET finishing = $2
WHERE id = $1 AND status = 'initiated'
  AND (finishing IS NULL OR finishing = $2
       OR NOT EXISTS (SELECT 1 FROM nodes
                      WHERE instance = chunked_uploads.finishing AND lease_until > $3));

-- name: session_not_shared
UPDATE chunked_uploads SET shared = 0 WHERE id = $1;

-- name: session_not_finishing
UPDATE chunked_uploads SET finishing = NULL WHERE id = $1 AND finishing = $2;

-- name: session_note_quota
UPDATE chunked_uploads SET error_message = $2 WHERE id = $1 AND status = 'initiated';

-- name: session_hashed
UPDATE chunked_uploads SET hashed_bytes = $2, digest_state = $3
WHERE id = $1 AND status = 'initiated';

-- name: session_claim
UPDATE chunked_uploads SET claimed_md5 = $2, claimed_sha256 = $3
WHERE id = $1 AND status = 'initiated';

-- name: session_complete
UPDATE chunked_uploads SET status = 'completed', upload_id = $2, completed_at = $3, expires_at = $4,
                           file_size = $5, reserved_bytes = 0, digest_state = NULL, error_message = NULL
WHERE id = $1 AND status = 'initiated';

-- name: session_fail
UPDATE chunked_uploads SET status = 'failed', error_code = $2, error_message = $3, completed_at = $4,
                           expires_at = $5, upload_id = coalesce($6, upload_id), reserved_bytes = 0,
                           digest_state = NULL
WHERE id = $1 AND status = 'initiated';

-- name: session_end
DELETE FROM chunked_uploads WHERE id = $1;

-- name: session_by_id
SELECT id, workspace_id, user_id, upload_id, kind, filename, file_size, reserved_bytes, storage_name,
       storage_path, idempotency_key, fingerprint, created_at, expires_at, status, chunk_size,
       total_chunks, declared_type, on_duplicate, claimed_md5, claimed_sha256, metadata, hashed_bytes,
       digest_state, concatenation, partials, error_code, error_message,
       protocol_headers, node_id, shared
FROM chunked_uploads WHERE workspace_id = $1 AND id = $2;

-- name: session_list
-- All that are open.
SELECT id, workspace_id, user_id, upload_id, kind, filename, file_size, reserved_bytes, storage_name,
       storage_path, idempotency_key, fingerprint, created_at, expires_at, status, chunk_size,
       total_chunks, declared_type, on_duplicate, claimed_md5, claimed_sha256, metadata, hashed_bytes,
       digest_state, concatenation, partials, error_code, error_message,
       protocol_headers, node_id, shared
FROM chunked_uploads WHERE id > $1 AND status = 'initiated' ORDER BY id LIMIT $2;

-- name: session_list_node
-- Those of one request that are open, of a node.
SELECT id, workspace_id, user_id, upload_id, kind, filename, file_size, reserved_bytes, storage_name,
       storage_path, idempotency_key, fingerprint, created_at, expires_at, status, chunk_size,
       total_chunks, declared_type, on_duplicate, claimed_md5, claimed_sha256, metadata, hashed_bytes,
       digest_state, concatenation, partials, error_code, error_message,
       protocol_headers, node_id, shared
FROM chunked_uploads
WHERE node_id = $1 AND kind = 'post' AND status = 'initiated' AND id > $2 ORDER BY id LIMIT $3;

-- name: session_list_left
-- Those that are open though all bytes have come, and all open finals.
SELECT id, workspace_id, user_id, upload_id, kind, filename, file_size, reserved_bytes, storage_name,
       storage_path, idempotency_key, fingerprint, created_at, expires_at, status, chunk_size,
       total_chunks, declared_type, on_duplicate, claimed_md5, claimed_sha256, metadata, hashed_bytes,
       digest_state, concatenation, partials, error_code, error_message,
       protocol_headers, node_id, shared
FROM chunked_uploads
WHERE id > $1 AND status = 'initiated' AND kind IN ('chunked', 'tus')
  AND (concatenation = 'final'
       OR (concatenation IS NULL
           AND file_size = (SELECT end_offset FROM chunked_upload_parts
                            WHERE session_id = chunked_uploads.id AND start_offset = 0)))
ORDER BY id LIMIT $2;

-- name: session_list_workspace
SELECT id, workspace_id, user_id, upload_id, kind, filename, file_size, reserved_bytes, storage_name,
       storage_path, idempotency_key, fingerprint, created_at, expires_at, status, chunk_size,
       total_chunks, declared_type, on_duplicate, claimed_md5, claimed_sha256, metadata, hashed_bytes,
       digest_state, concatenation, partials, error_code, error_message,
       protocol_headers, node_id, shared
FROM chunked_uploads WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3;

-- name: session_expired
-- Open or ended.
SELECT id, workspace_id, user_id, upload_id, kind, filename, file_size, reserved_bytes, storage_name,
       storage_path, idempotency_key, fingerprint, created_at, expires_at, status, chunk_size,
       total_chunks, declared_type, on_duplicate, claimed_md5, claimed_sha256, metadata, hashed_bytes,
       digest_state, concatenation, partials, error_code, error_message,
       protocol_headers, node_id, shared
FROM chunked_uploads
WHERE expires_at < $1 AND (expires_at, id) > ($2, $3) ORDER BY expires_at, id LIMIT $4;

-- name: session_finals
-- The open finals of a workspace that wait for a partial: their lists match $2.
SELECT id FROM chunked_uploads
WHERE workspace_id = $1 AND concatenation = 'final' AND status = 'initiated' AND partials LIKE $2
ORDER BY created_at, id;

-- name: session_final_of
-- The latest final of just these partials, open or ended.
SELECT id, workspace_id, user_id, upload_id, kind, filename, file_size, reserved_bytes, storage_name,
       storage_path, idempotency_key, fingerprint, created_at, expires_at, status, chunk_size,
       total_chunks, declared_type, on_duplicate, claimed_md5, claimed_sha256, metadata, hashed_bytes,
       digest_state, concatenation, partials, error_code, error_message,
       protocol_headers, node_id, shared
FROM chunked_uploads
WHERE workspace_id = $1 AND user_id = $2 AND concatenation = 'final' AND partials = $3
ORDER BY created_at DESC, id DESC LIMIT 1;

-- name: session_by_idempotency_key
-- Open or ended.
SELECT id, workspace_id, user_id, upload_id, kind, filename, file_size, reserved_bytes, storage_name,
       storage_path, idempotency_key, fingerprint, created_at, expires_at, status, chunk_size,
       total_chunks, declared_type, on_duplicate, claimed_md5, claimed_sha256, metadata, hashed_bytes,
       digest_state, concatenation, partials, error_code, error_message,
       protocol_headers, node_id, shared
FROM chunked_uploads
WHERE workspace_id = $1 AND user_id = $2 AND idempotency_key = $3;

-- name: session_count_by_idempotency_key
-- Open or ended.
SELECT count(*) FROM chunked_uploads
WHERE workspace_id = $1 AND user_id = $2 AND idempotency_key = $3;

-- name: session_exists
SELECT count(*) FROM chunked_uploads WHERE id = $1 AND status = 'initiated';

-- name: session_holds_path
SELECT count(*) FROM chunked_uploads
WHERE storage_name = $1 AND storage_path = $2 AND status = 'initiated';

-- name: session_figures
SELECT count(*), coalesce(sum(reserved_bytes), 0) FROM chunked_uploads WHERE status = 'initiated';
