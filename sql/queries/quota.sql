-- name: quota_insert
INSERT INTO storage_quotas (workspace_id, max_storage_bytes, max_file_count, max_file_size,
                            max_monthly_uploads, updated_at)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: quota_read
-- The row of a workspace that is there, and what open sessions reserve: partial ones bytes, but no file.
SELECT q.max_storage_bytes, q.max_file_count, q.max_file_size, q.max_monthly_uploads,
       q.current_storage_bytes, q.current_file_count, q.monthly_period, q.monthly_uploads,
       q.monthly_upload_bytes, q.retention_days, q.auto_cleanup, q.archive_threshold_days,
       q.archive_storage_class, coalesce(sum(s.reserved_bytes), 0),
       count(CASE WHEN s.concatenation = 'partial' THEN NULL ELSE s.id END)
FROM workspaces w
JOIN storage_quotas q ON q.workspace_id = w.id
LEFT JOIN chunked_uploads s ON s.workspace_id = q.workspace_id AND s.status = 'initiated'
WHERE w.id = $1 AND w.deleted_at IS NULL
GROUP BY q.workspace_id;

-- name: quota_set
UPDATE storage_quotas
SET max_storage_bytes = $2, max_file_count = $3, max_file_size = $4, max_monthly_uploads = $5,
    retention_days = $6, auto_cleanup = $7, archive_threshold_days = $8, archive_storage_class = $9,
    updated_at = $10
WHERE workspace_id = $1;

-- name: quota_charge
-- A new month begins with what is charged now.
UPDATE storage_quotas
SET current_storage_bytes = current_storage_bytes + $2,
    current_file_count = current_file_count + 1,
    monthly_uploads = CASE WHEN monthly_period = $3 THEN monthly_uploads ELSE 0 END + 1,
    monthly_upload_bytes = CASE WHEN monthly_period = $3 THEN monthly_upload_bytes ELSE 0 END + $2,
    monthly_period = $3,
    updated_at = $4
WHERE workspace_id = $1;

-- name: quota_release
UPDATE storage_quotas
SET current_storage_bytes = current_storage_bytes - $2, current_file_count = current_file_count - 1,
    updated_at = $3
WHERE workspace_id = $1;

-- name: quota_audit
SELECT q.workspace_id, q.current_storage_bytes, q.current_file_count,
       coalesce(sum(u.file_size), 0), count(u.id)
FROM storage_quotas q
LEFT JOIN audio_uploads u ON u.workspace_id = q.workspace_id
GROUP BY q.workspace_id, q.current_storage_bytes, q.current_file_count;
