-- name: piece_add
INSERT INTO staged_pieces (id, session_id, start_offset, end_offset, storage_name, storage_path,
                           created_at, late_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: piece_count
UPDATE staged_pieces SET counts = 1 WHERE id = $1;

-- name: piece_list
SELECT id, start_offset, end_offset, storage_name, storage_path FROM staged_pieces
WHERE session_id = $1 AND counts = 1 ORDER BY start_offset;

-- name: piece_holds_path
SELECT count(*) FROM staged_pieces WHERE storage_name = $1 AND storage_path = $2;

-- name: piece_is_stored
SELECT count(*) FROM staged_pieces WHERE id = $1 AND counts = 0;

-- name: piece_move
UPDATE staged_pieces SET session_id = $2, start_offset = start_offset + $3, end_offset = end_offset + $4
WHERE session_id = $1 AND counts = 1;

-- name: piece_to_garbage
INSERT INTO storage_garbage (id, storage_name, storage_path, bytes, reason, created_at)
SELECT id, storage_name, storage_path, end_offset - start_offset, 'its upload has ended',
       CASE counts WHEN 1 THEN created_at ELSE late_at END
FROM staged_pieces WHERE session_id = $1
ON CONFLICT (storage_name, storage_path) DO NOTHING;

-- name: piece_remove_all
DELETE FROM staged_pieces WHERE session_id = $1;
