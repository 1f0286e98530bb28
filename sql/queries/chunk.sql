-- name: chunk_insert
INSERT INTO audio_chunks (id, upload_id, chunk_index, total_chunks, start_time, end_time, duration,
                          chunk_filename, status)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending');

-- name: chunk_list
SELECT id, upload_id, chunk_index, total_chunks, start_time, end_time, duration, chunk_filename,
       chunk_size, chunk_path, checksum_md5, status, processing_started_at, processing_completed_at,
       processing_time_ms, transcription_result_id, processing_job_id, storage_name, checksum_sha256
FROM audio_chunks WHERE upload_id = $1 AND chunk_index >= $2 ORDER BY chunk_index LIMIT $3;

-- name: chunk_cut
INSERT INTO audio_chunks (id, upload_id, chunk_index, total_chunks, start_time, end_time, duration,
                          chunk_filename, chunk_size, storage_name, chunk_path, checksum_md5,
                          checksum_sha256, processing_time_ms, status)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'pending')
ON CONFLICT (upload_id, chunk_index) DO UPDATE
SET total_chunks = excluded.total_chunks, start_time = excluded.start_time,
    end_time = excluded.end_time, duration = excluded.duration,
    chunk_filename = excluded.chunk_filename, chunk_size = excluded.chunk_size,
    storage_name = excluded.storage_name, chunk_path = excluded.chunk_path,
    checksum_md5 = excluded.checksum_md5, checksum_sha256 = excluded.checksum_sha256,
    processing_time_ms = excluded.processing_time_ms,
    transcription_result_id = CASE WHEN audio_chunks.start_time = excluded.start_time
                                    AND audio_chunks.end_time = excluded.end_time
                                   THEN audio_chunks.transcription_result_id END;

-- name: chunk_remove
DELETE FROM audio_chunks WHERE id = $1;
