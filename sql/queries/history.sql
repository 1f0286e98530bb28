-- name: history_add
INSERT INTO audio_history (id, workspace_id, upload_id, user_id, action, detail, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: history_list
SELECT h.id, h.workspace_id, h.upload_id, h.user_id, h.action, h.detail, h.created_at,
       coalesce(u.removed_name, u.name)
FROM audio_history h LEFT JOIN users u ON u.id = h.user_id
WHERE h.upload_id = $2 AND h.workspace_id = $1 AND h.id > $3 ORDER BY h.id LIMIT $4;

-- name: ledger_add
INSERT INTO storage_events (id, workspace_id, upload_id, user_id, kind, storage_name, storage_path,
                            bytes, stored_bytes, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);
