-- Where a walk along one of the orders of the list ends, when it may be far: the last of the next uploads,
-- by their index alone. $1 to $3 are as in the list; $4 and $5 the position that it does not go beyond, $6 how
-- many are passed over before it, $7 the status where the walk is along it.

-- name: upload_end_by_time_ascending
SELECT uploaded_at, id FROM audio_uploads
WHERE workspace_id = $1 AND (uploaded_at, id) > ($2, $3) AND (uploaded_at, id) <= ($4, $5)
ORDER BY uploaded_at ASC, id ASC LIMIT 1 OFFSET $6;

-- name: upload_end_by_time_descending
SELECT uploaded_at, id FROM audio_uploads
WHERE workspace_id = $1 AND (uploaded_at, id) < ($2, $3) AND (uploaded_at, id) >= ($4, $5)
ORDER BY uploaded_at DESC, id DESC LIMIT 1 OFFSET $6;

-- name: upload_end_by_size_ascending
SELECT file_size, id FROM audio_uploads
WHERE workspace_id = $1 AND (file_size, id) > ($2, $3) AND (file_size, id) <= ($4, $5)
ORDER BY file_size ASC, id ASC LIMIT 1 OFFSET $6;

-- name: upload_end_by_size_descending
SELECT file_size, id FROM audio_uploads
WHERE workspace_id = $1 AND (file_size, id) < ($2, $3) AND (file_size, id) >= ($4, $5)
ORDER BY file_size DESC, id DESC LIMIT 1 OFFSET $6;

-- name: upload_end_by_duration_ascending
SELECT duration_order, id FROM audio_uploads
WHERE workspace_id = $1 AND (duration_order, id) > ($2, $3) AND (duration_order, id) <= ($4, $5)
ORDER BY duration_order ASC, id ASC LIMIT 1 OFFSET $6;

-- name: upload_end_by_duration_descending
SELECT duration_order, id FROM audio_uploads
WHERE workspace_id = $1 AND (duration_order, id) < ($2, $3) AND (duration_order, id) >= ($4, $5)
ORDER BY duration_order DESC, id DESC LIMIT 1 OFFSET $6;

-- name: upload_end_by_name_ascending
SELECT original_filename, id FROM audio_uploads
WHERE workspace_id = $1 AND (original_filename, id) > ($2, $3) AND (original_filename, id) <= ($4, $5)
ORDER BY original_filename ASC, id ASC LIMIT 1 OFFSET $6;

-- name: upload_end_by_name_descending
SELECT original_filename, id FROM audio_uploads
WHERE workspace_id = $1 AND (original_filename, id) < ($2, $3) AND (original_filename, id) >= ($4, $5)
ORDER BY original_filename DESC, id DESC LIMIT 1 OFFSET $6;

-- name: upload_end_by_status_ascending
SELECT uploaded_at, id FROM audio_uploads
WHERE workspace_id = $1 AND status = $7 AND status <> 'completed'
  AND (uploaded_at, id) > ($2, $3) AND (uploaded_at, id) <= ($4, $5)
ORDER BY uploaded_at ASC, id ASC LIMIT 1 OFFSET $6;

-- name: upload_end_by_status_descending
SELECT uploaded_at, id FROM audio_uploads
WHERE workspace_id = $1 AND status = $7 AND status <> 'completed'
  AND (uploaded_at, id) < ($2, $3) AND (uploaded_at, id) >= ($4, $5)
ORDER BY uploaded_at DESC, id DESC LIMIT 1 OFFSET $6;
