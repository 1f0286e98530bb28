-- Pages of uploads. The parameters are the same in all: $1 workspace, $2 and $3 the position (the
-- sort value and the id behind which the page begins), $4 status (NULL: all but the trash), $5 file
-- type (NULL: any), $6 part of the name in lower case (NULL: any), $7 and $8 the bounds of the time,
-- $9 how many, $10 content (NULL: any), $11 and $12 the position at which the walk ends. Each walks one
-- index from its position on, so that a page costs the same at any depth. Within CASE the planner takes
-- half of the rows to be wanted; what it makes of the filters by themselves may be so few that it would
-- rather read and sort all.

-- name: upload_list_by_time_ascending
SELECT * FROM audio_uploads
WHERE workspace_id = $1
  AND (uploaded_at, id) > ($2, $3) AND (uploaded_at, id) <= ($11, $12)
  AND CASE WHEN CASE WHEN CAST($4 AS TEXT) IS NULL THEN status <> 'deleted' ELSE status = $4 END
            AND (file_type = $5 OR $5 IS NULL)
            AND (strpos(lower(original_filename), $6) > 0 OR $6 IS NULL)
            AND (checksum_sha256 = $10 OR $10 IS NULL)
            AND uploaded_at > $7 AND uploaded_at < $8 THEN TRUE ELSE FALSE END
ORDER BY uploaded_at ASC, id ASC LIMIT $9;

-- name: upload_list_by_time_descending
SELECT * FROM audio_uploads
WHERE workspace_id = $1
  AND (uploaded_at, id) < ($2, $3) AND (uploaded_at, id) >= ($11, $12)
  AND CASE WHEN CASE WHEN CAST($4 AS TEXT) IS NULL THEN status <> 'deleted' ELSE status = $4 END
            AND (file_type = $5 OR $5 IS NULL)
            AND (strpos(lower(original_filename), $6) > 0 OR $6 IS NULL)
            AND (checksum_sha256 = $10 OR $10 IS NULL)
            AND uploaded_at > $7 AND uploaded_at < $8 THEN TRUE ELSE FALSE END
ORDER BY uploaded_at DESC, id DESC LIMIT $9;

-- name: upload_list_by_size_ascending
SELECT * FROM audio_uploads
WHERE workspace_id = $1
  AND (file_size, id) > ($2, $3) AND (file_size, id) <= ($11, $12)
  AND CASE WHEN CASE WHEN CAST($4 AS TEXT) IS NULL THEN status <> 'deleted' ELSE status = $4 END
            AND (file_type = $5 OR $5 IS NULL)
            AND (strpos(lower(original_filename), $6) > 0 OR $6 IS NULL)
            AND (checksum_sha256 = $10 OR $10 IS NULL)
            AND uploaded_at > $7 AND uploaded_at < $8 THEN TRUE ELSE FALSE END
ORDER BY file_size ASC, id ASC LIMIT $9;

-- name: upload_list_by_size_descending
SELECT * FROM audio_uploads
WHERE workspace_id = $1
  AND (file_size, id) < ($2, $3) AND (file_size, id) >= ($11, $12)
  AND CASE WHEN CASE WHEN CAST($4 AS TEXT) IS NULL THEN status <> 'deleted' ELSE status = $4 END
            AND (file_type = $5 OR $5 IS NULL)
            AND (strpos(lower(original_filename), $6) > 0 OR $6 IS NULL)
            AND (checksum_sha256 = $10 OR $10 IS NULL)
            AND uploaded_at > $7 AND uploaded_at < $8 THEN TRUE ELSE FALSE END
ORDER BY file_size DESC, id DESC LIMIT $9;

-- name: upload_list_by_duration_ascending
SELECT * FROM audio_uploads
WHERE workspace_id = $1
  AND (duration_order, id) > ($2, $3) AND (duration_order, id) <= ($11, $12)
  AND CASE WHEN CASE WHEN CAST($4 AS TEXT) IS NULL THEN status <> 'deleted' ELSE status = $4 END
            AND (file_type = $5 OR $5 IS NULL)
            AND (strpos(lower(original_filename), $6) > 0 OR $6 IS NULL)
            AND (checksum_sha256 = $10 OR $10 IS NULL)
            AND uploaded_at > $7 AND uploaded_at < $8 THEN TRUE ELSE FALSE END
ORDER BY duration_order ASC, id ASC LIMIT $9;

-- name: upload_list_by_duration_descending
SELECT * FROM audio_uploads
WHERE workspace_id = $1
  AND (duration_order, id) < ($2, $3) AND (duration_order, id) >= ($11, $12)
  AND CASE WHEN CASE WHEN CAST($4 AS TEXT) IS NULL THEN status <> 'deleted' ELSE status = $4 END
            AND (file_type = $5 OR $5 IS NULL)
            AND (strpos(lower(original_filename), $6) > 0 OR $6 IS NULL)
            AND (checksum_sha256 = $10 OR $10 IS NULL)
            AND uploaded_at > $7 AND uploaded_at < $8 THEN TRUE ELSE FALSE END
ORDER BY duration_order DESC, id DESC LIMIT $9;

-- name: upload_list_by_name_ascending
SELECT * FROM audio_uploads
WHERE workspace_id = $1
  AND (original_filename, id) > ($2, $3) AND (original_filename, id) <= ($11, $12)
  AND CASE WHEN CASE WHEN CAST($4 AS TEXT) IS NULL THEN status <> 'deleted' ELSE status = $4 END
            AND (file_type = $5 OR $5 IS NULL)
            AND (strpos(lower(original_filename), $6) > 0 OR $6 IS NULL)
            AND (checksum_sha256 = $10 OR $10 IS NULL)
            AND uploaded_at > $7 AND uploaded_at < $8 THEN TRUE ELSE FALSE END
ORDER BY original_filename ASC, id ASC LIMIT $9;

-- name: upload_list_by_name_descending
SELECT * FROM audio_uploads
WHERE workspace_id = $1
  AND (original_filename, id) < ($2, $3) AND (original_filename, id) >= ($11, $12)
  AND CASE WHEN CASE WHEN CAST($4 AS TEXT) IS NULL THEN status <> 'deleted' ELSE status = $4 END
            AND (file_type = $5 OR $5 IS NULL)
            AND (strpos(lower(original_filename), $6) > 0 OR $6 IS NULL)
            AND (checksum_sha256 = $10 OR $10 IS NULL)
            AND uploaded_at > $7 AND uploaded_at < $8 THEN TRUE ELSE FALSE END
ORDER BY original_filename DESC, id DESC LIMIT $9;

-- name: upload_list_by_content_ascending
SELECT * FROM audio_uploads
WHERE workspace_id = $1 AND checksum_sha256 = $10
  AND (uploaded_at, id) > ($2, $3) AND (uploaded_at, id) <= ($11, $12)
  AND CASE WHEN CASE WHEN CAST($4 AS TEXT) IS NULL THEN status <> 'deleted' ELSE status = $4 END
            AND (file_type = $5 OR $5 IS NULL)
            AND (strpos(lower(original_filename), $6) > 0 OR $6 IS NULL)
            AND (checksum_sha256 = $10 OR $10 IS NULL)
            AND uploaded_at > $7 AND uploaded_at < $8 THEN TRUE ELSE FALSE END
ORDER BY uploaded_at ASC, id ASC LIMIT $9;

-- name: upload_list_by_content_descending
SELECT * FROM audio_uploads
WHERE workspace_id = $1 AND checksum_sha256 = $10
  AND (uploaded_at, id) < ($2, $3) AND (uploaded_at, id) >= ($11, $12)
  AND CASE WHEN CASE WHEN CAST($4 AS TEXT) IS NULL THEN status <> 'deleted' ELSE status = $4 END
            AND (file_type = $5 OR $5 IS NULL)
            AND (strpos(lower(original_filename), $6) > 0 OR $6 IS NULL)
            AND (checksum_sha256 = $10 OR $10 IS NULL)
            AND uploaded_at > $7 AND uploaded_at < $8 THEN TRUE ELSE FALSE END
ORDER BY uploaded_at DESC, id DESC LIMIT $9;

-- name: upload_list_by_status_ascending
SELECT * FROM audio_uploads
WHERE workspace_id = $1 AND status = $4 AND status <> 'completed'
  AND (uploaded_at, id) > ($2, $3) AND (uploaded_at, id) <= ($11, $12)
  AND CASE WHEN CASE WHEN CAST($4 AS TEXT) IS NULL THEN status <> 'deleted' ELSE status = $4 END
            AND (file_type = $5 OR $5 IS NULL)
            AND (strpos(lower(original_filename), $6) > 0 OR $6 IS NULL)
            AND (checksum_sha256 = $10 OR $10 IS NULL)
            AND uploaded_at > $7 AND uploaded_at < $8 THEN TRUE ELSE FALSE END
ORDER BY uploaded_at ASC, id ASC LIMIT $9;

-- name: upload_list_by_status_descending
SELECT * FROM audio_uploads
WHERE workspace_id = $1 AND status = $4 AND status <> 'completed'
  AND (uploaded_at, id) < ($2, $3) AND (uploaded_at, id) >= ($11, $12)
  AND CASE WHEN CASE WHEN CAST($4 AS TEXT) IS NULL THEN status <> 'deleted' ELSE status = $4 END
            AND (file_type = $5 OR $5 IS NULL)
            AND (strpos(lower(original_filename), $6) > 0 OR $6 IS NULL)
            AND (checksum_sha256 = $10 OR $10 IS NULL)
            AND uploaded_at > $7 AND uploaded_at < $8 THEN TRUE ELSE FALSE END
ORDER BY uploaded_at DESC, id DESC LIMIT $9;
