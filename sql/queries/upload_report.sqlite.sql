-- name: upload_set_finding
-- One member of the metadata, $2 its path ('$.report'), $3 JSON; what else is there stays as it is.
UPDATE audio_uploads SET metadata = json_set(coalesce(metadata, '{}'), $2, json($3)), updated_at = $4
WHERE id = $1;
