-- Pages of uploads. The parameters are the same in all: $1 workspace, $2 and $3 the position (the
-- sort value and the id behind which the page begins), $4 status (NULL: all but the trash), $5 file
-- type (NULL: any), $6 part of the name in lower case (NULL: any), $7 and $8 the bounds of the time,
-- $9 how many, $10 content (NULL: any), $11 and $12 the position at which the walk ends. Each walks one
-- index from its position on, so that a page costs the same at any depth; the plus keeps the planner
-- from taking a filter for the position, or the index of another order.

-- name: upload_list_by_time_ascending
SELECT * FROM audio_uploads
WHERE workspace_id = $1
  AND (uploaded_at, id) > ($2, $3) AND (uploaded_at, id) <= ($11, $12)
  AND CASE WHEN $4 IS NULL THEN status <> 'deleted' ELSE status = $4 END
  AND ($5 IS NULL OR file_type = $5)
  AND ($6 IS NULL OR instr(lower(original_filename), $6) > 0)
  AND ($10 IS NULL OR +checksum_sha256 = $10)
  AND +uploaded_at > $7 AND +uploaded_at < $8
ORDER BY uploaded_at ASC, id ASC LIMIT $9;

-- name: upload_list_by_time_descending
SELECT * FROM audio_uploads
WHERE workspace_id = $1
  AND (uploaded_at, id) < ($2, $3) AND (uploaded_at, id) >= ($11, $12)
  AND CASE WHEN $4 IS NULL THEN status <> 'deleted' ELSE status = $4 END
  AND ($5 IS NULL OR file_type = $5)
  AND ($6 IS NULL OR instr(lower(original_filename), $6) > 0)
  AND ($10 IS NULL OR +checksum_sha256 = $10)
  AND +uploaded_at > $7 AND +uploaded_at < $8
ORDER BY uploaded_at DESC, id DESC LIMIT $9;

-- name: upload_list_by_size_ascending
SELECT * FROM audio_uploads
WHERE workspace_id = $1
  AND (file_size, id) > ($2, $3) AND (file_size, id) <= ($11, $12)
  AND CASE WHEN $4 IS NULL THEN status <> 'deleted' ELSE status = $4 END
  AND ($5 IS NULL OR file_type = $5)
  AND ($6 IS NULL OR instr(lower(original_filename), $6) > 0)
  AND ($10 IS NULL OR +checksum_sha256 = $10)
  AND +uploaded_at > $7 AND +uploaded_at < $8
ORDER BY file_size ASC, id ASC LIMIT $9;

-- name: upload_list_by_size_descending
SELECT * FROM audio_uploads
WHERE workspace_id = $1
  AND (file_size, id) < ($2, $3) AND (file_size, id) >= ($11, $12)
  AND CASE WHEN $4 IS NULL THEN status <> 'deleted' ELSE status = $4 END
  AND ($5 IS NULL OR file_type = $5)
  AND ($6 IS NULL OR instr(lower(original_filename), $6) > 0)
  AND ($10 IS NULL OR +checksum_sha256 = $10)
  AND +uploaded_at > $7 AND +uploaded_at < $8
ORDER BY file_size DESC, id DESC LIMIT $9;

-- name: upload_list_by_duration_ascending
SELECT * FROM audio_uploads
WHERE workspace_id = $1
  AND (duration_order, id) > ($2, $3) AND (duration_order, id) <= ($11, $12)
  AND CASE WHEN $4 IS NULL THEN status <> 'deleted' ELSE status = $4 END
  AND ($5 IS NULL OR file_type = $5)
  AND ($6 IS NULL OR instr(lower(original_filename), $6) > 0)
  AND ($10 IS NULL OR +checksum_sha256 = $10)
  AND +uploaded_at > $7 AND +uploaded_at < $8
ORDER BY duration_order ASC, id ASC LIMIT $9;

-- name: upload_list_by_duration_descending
SELECT * FROM audio_uploads
WHERE workspace_id = $1
  AND (duration_order, id) < ($2, $3) AND (duration_order, id) >= ($11, $12)
  AND CASE WHEN $4 IS NULL THEN status <> 'deleted' ELSE status = $4 END
  AND ($5 IS NULL OR file_type = $5)
  AND ($6 IS NULL OR instr(lower(original_filename), $6) > 0)
  AND ($10 IS NULL OR +checksum_sha256 = $10)
  AND +uploaded_at > $7 AND +uploaded_at < $8
ORDER BY duration_order DESC, id DESC LIMIT $9;

-- name: upload_list_by_name_ascending
SELECT * FROM audio_uploads
WHERE workspace_id = $1
  AND (original_filename, id) > ($2, $3) AND (original_filename, id) <= ($11, $12)
  AND CASE WHEN $4 IS NULL THEN status <> 'deleted' ELSE status = $4 END
  AND ($5 IS NULL OR file_type = $5)
  AND ($6 IS NULL OR instr(lower(original_filename), $6) > 0)
  AND ($10 IS NULL OR +checksum_sha256 = $10)
  AND +uploaded_at > $7 AND +uploaded_at < $8
ORDER BY original_filename ASC, id ASC LIMIT $9;

-- name: upload_list_by_name_descending
SELECT * FROM audio_uploads
WHERE workspace_id = $1
  AND (original_filename, id) < ($2, $3) AND (original_filename, id) >= ($11, $12)
  AND CASE WHEN $4 IS NULL THEN status <> 'deleted' ELSE status = $4 END
  AND ($5 IS NULL OR file_type = $5)
  AND ($6 IS NULL OR instr(lower(original_filename), $6) > 0)
  AND ($10 IS NULL OR +checksum_sha256 = $10)
  AND +uploaded_at > $7 AND +uploaded_at < $8
ORDER BY original_filename DESC, id DESC LIMIT $9;

-- name: upload_list_by_content_ascending
SELECT * FROM audio_uploads
WHERE workspace_id = $1 AND checksum_sha256 = $10
  AND (uploaded_at, id) > ($2, $3) AND (uploaded_at, id) <= ($11, $12)
  AND CASE WHEN $4 IS NULL THEN status <> 'deleted' ELSE status = $4 END
  AND ($5 IS NULL OR file_type = $5)
  AND ($6 IS NULL OR instr(lower(original_filename), $6) > 0)
  AND ($10 IS NULL OR +checksum_sha256 = $10)
  AND +uploaded_at > $7 AND +uploaded_at < $8
ORDER BY uploaded_at ASC, id ASC LIMIT $9;

-- name: upload_list_by_content_descending
SELECT * FROM audio_uploads
WHERE workspace_id = $1 AND checksum_sha256 = $10
  AND (uploaded_at, id) < ($2, $3) AND (uploaded_at, id) >= ($11, $12)
  AND CASE WHEN $4 IS NULL THEN status <> 'deleted' ELSE status = $4 END
  AND ($5 IS NULL OR file_type = $5)
  AND ($6 IS NULL OR instr(lower(original_filename), $6) > 0)
  AND ($10 IS NULL OR +checksum_sha256 = $10)
  AND +uploaded_at > $7 AND +uploaded_at < $8
ORDER BY uploaded_at DESC, id DESC LIMIT $9;

-- name: upload_list_by_status_ascending
SELECT * FROM audio_uploads
WHERE workspace_id = $1 AND status = $4 AND status <> 'completed'
  AND (uploaded_at, id) > ($2, $3) AND (uploaded_at, id) <= ($11, $12)
  AND CASE WHEN $4 IS NULL THEN status <> 'deleted' ELSE status = $4 END
  AND ($5 IS NULL OR file_type = $5)
  AND ($6 IS NULL OR instr(lower(original_filename), $6) > 0)
  AND ($10 IS NULL OR +checksum_sha256 = $10)
  AND +uploaded_at > $7 AND +uploaded_at < $8
ORDER BY uploaded_at ASC, id ASC LIMIT $9;

-- name: upload_list_by_status_descending
SELECT * FROM audio_uploads
WHERE workspace_id = $1 AND status = $4 AND status <> 'completed'
  AND (uploaded_at, id) < ($2, $3) AND (uploaded_at, id) >= ($11, $12)
  AND CASE WHEN $4 IS NULL THEN status <> 'deleted' ELSE status = $4 END
  AND ($5 IS NULL OR file_type = $5)
  AND ($6 IS NULL OR instr(lower(original_filename), $6) > 0)
  AND ($10 IS NULL OR +checksum_sha256 = $10)
  AND +uploaded_at > $7 AND +uploaded_at < $8
ORDER BY uploaded_at DESC, id DESC LIMIT $9;
