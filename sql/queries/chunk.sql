-- name: chunk_insert
INSERT INTO audio_chunks (id, upload_id, chunk_index, total_chunks, start_time, end_time, duration,
                          chunk_filename, status)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending');

-- name: chunk_list
SELECT id, upload_id, chunk_index, total_chunks, start_time, end_time, duration, chunk_filename,
       chunk_size, chunk_path, checksum_md5, status, processing_started_at, processing_completed_at,
       processing_time_ms, transcription_result_id, processing_job_id
FROM audio_chunks WHERE upload_id = $1 AND chunk_index >= $2 ORDER BY chunk_index LIMIT $3;
