-- name: history_add
INSERT INTO audio_history (id, workspace_id, upload_id, user_id, action, detail, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: history_list
SELECT id, workspace_id, upload_id, user_id, action, detail, created_at FROM audio_history
WHERE upload_id = $2 AND workspace_id = $1 AND id > $3 ORDER BY id LIMIT $4;

-- name: ledger_add
INSERT INTO storage_events (id, workspace_id, upload_id, user_id, kind, storage_name, storage_path,
                            bytes, stored_bytes, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);
