-- name: upload_set_finding
-- One member of the metadata, $2 its path ('$.report'), $3 JSON; what else is there stays as it is. The
-- list of all pauses is left to the job's result: it may have thousands.
UPDATE audio_uploads
SET metadata = json_set(coalesce(metadata, '{}'), $2, json(json_remove($3, '$.silence'))), updated_at = $4
WHERE id = $1;
