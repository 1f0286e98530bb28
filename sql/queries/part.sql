-- name: part_list
SELECT start_offset, end_offset FROM chunked_upload_parts WHERE session_id = $1 ORDER BY start_offset;

-- name: part_touching
-- Those that a range from $2 to $3 overlaps or touches.
SELECT min(start_offset), max(end_offset) FROM chunked_upload_parts
WHERE session_id = $1 AND start_offset <= $3 AND end_offset >= $2;

-- name: part_remove
DELETE FROM chunked_upload_parts WHERE session_id = $1 AND start_offset >= $2 AND end_offset <= $3;

-- name: part_insert
INSERT INTO chunked_upload_parts (session_id, start_offset, end_offset) VALUES ($1, $2, $3);

-- name: part_remove_all
DELETE FROM chunked_upload_parts WHERE session_id = $1;
