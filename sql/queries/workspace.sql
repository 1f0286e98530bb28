-- name: workspace_insert
INSERT INTO workspaces (id, name, created_at) VALUES ($1, $2, $3);

-- name: workspace_by_id
SELECT id, name, created_at FROM workspaces WHERE id = $1 AND deleted_at IS NULL;

-- name: workspace_list
SELECT id, name, created_at FROM workspaces
WHERE id > $1 AND deleted_at IS NULL ORDER BY id LIMIT $2;

-- name: workspace_rename
UPDATE workspaces SET name = $2 WHERE id = $1 AND deleted_at IS NULL;

-- name: workspace_delete
-- Only an empty one; what is not touched is not there, or not empty. The order has the first upload looked
-- up: where most uploads are one workspace's, PostgreSQL would read all of them to find none of another's.
UPDATE workspaces SET deleted_at = $2
WHERE id = $1 AND deleted_at IS NULL
  AND (SELECT id FROM audio_uploads WHERE workspace_id = $1
       ORDER BY workspace_id, uploaded_at, id LIMIT 1) IS NULL
  AND NOT EXISTS (SELECT 1 FROM chunked_uploads
                  WHERE workspace_id = $1 AND status = 'initiated');

-- name: workspace_revoke_tokens
UPDATE api_tokens SET revoked_at = $2 WHERE workspace_id = $1 AND revoked_at IS NULL;
