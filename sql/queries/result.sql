-- Results of processing. Those of chunks whose span is another by now are passed over everywhere.

-- name: result_drop_others
-- Before one of the whole is put, those of chunks; before one of a chunk, that of the whole.
DELETE FROM processing_results
WHERE upload_id = $1 AND kind = $2
  AND CASE WHEN part = -1 THEN 1 ELSE 0 END <> CASE WHEN $3 = -1 THEN 1 ELSE 0 END;

-- name: result_put
-- Without an end, $7, it is that of the upload.
INSERT INTO processing_results (id, upload_id, chunk_id, kind, part, start_time, end_time, job_id,
                                options, from_cache, processing_time_ms, completed_at, result)
VALUES ($1, $2, $3, $4, $5, $6,
        coalesce($7, (SELECT duration FROM audio_uploads WHERE id = $2), 0),
        $8, $9, $10, $11, $12, $13)
ON CONFLICT (upload_id, kind, part) DO UPDATE
SET id = excluded.id, chunk_id = excluded.chunk_id, start_time = excluded.start_time,
    end_time = excluded.end_time, job_id = excluded.job_id, options = excluded.options,
    from_cache = excluded.from_cache, processing_time_ms = excluded.processing_time_ms,
    completed_at = excluded.completed_at, result = excluded.result;

-- name: result_of_chunk
UPDATE audio_chunks SET transcription_result_id = $2 WHERE id = $1;

-- name: result_list
-- From a part on, with where the chunk before ends and the one behind begins.
SELECT r.id, r.chunk_id, r.part, r.start_time, r.end_time, r.job_id, r.options, r.from_cache,
       r.processing_time_ms, r.completed_at, r.result, p.end_time, n.start_time
FROM processing_results r LEFT JOIN audio_chunks c ON c.id = r.chunk_id
     LEFT JOIN audio_chunks p ON p.upload_id = r.upload_id AND p.chunk_index = r.part - 1
     LEFT JOIN audio_chunks n ON n.upload_id = c.upload_id AND n.chunk_index = r.part + 1
WHERE r.upload_id = $1 AND r.kind = $2 AND r.part >= $3
  AND (r.part = -1 OR (c.start_time = r.start_time AND c.end_time = r.end_time))
ORDER BY r.part LIMIT $4;

-- name: result_kinds
-- How many parts there are of each kind, of how many there should be.
SELECT r.kind, count(*),
       CASE WHEN max(r.part) = -1 THEN 1
            ELSE (SELECT count(*) FROM audio_chunks a WHERE a.upload_id = $1) END,
       max(r.completed_at)
FROM processing_results r LEFT JOIN audio_chunks c ON c.id = r.chunk_id
WHERE r.upload_id = $1 AND (r.kind = $2 OR $2 IS NULL)
  AND (r.part = -1 OR (c.start_time = r.start_time AND c.end_time = r.end_time))
GROUP BY r.kind ORDER BY r.kind LIMIT $3;

-- name: result_made_of
-- What each part of a kind was made of, and when, in order.
SELECT r.part, r.options, c.checksum_sha256, r.completed_at
FROM processing_results r LEFT JOIN audio_chunks c ON c.id = r.chunk_id
WHERE r.upload_id = $1 AND r.kind = $2 ORDER BY r.part;
