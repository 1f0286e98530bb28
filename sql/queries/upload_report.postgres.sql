-- name: upload_set_finding
-- One member of the metadata, $2 its path ('$.report'), $3 JSON; what else is there stays as it is. The
-- list of all pauses is left to the job's result: it may have thousands.
UPDATE audio_uploads
SET metadata = jsonb_set(coalesce(metadata, '{}'), string_to_array(substr($2, 3), '.'),
                         CAST($3 AS JSONB) - 'silence'),
    updated_at = $4
WHERE id = $1;
