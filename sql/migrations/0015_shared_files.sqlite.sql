-- A file that processing made may be of several uploads: each has a row of its own, and the object
-- goes with the last of them.
CREATE TABLE shared_files (
    storage_name TEXT NOT NULL,
    storage_path TEXT NOT NULL,
    upload_id TEXT NOT NULL REFERENCES audio_uploads (id),
    kind TEXT NOT NULL CHECK (kind IN ('chunk', 'waveform')),
    number INTEGER NOT NULL CHECK (number >= 0), -- the chunk's index; the waveform's samples per pixel
    size INTEGER NOT NULL CHECK (size >= 0),
    checksum_md5 TEXT NOT NULL,
    checksum_sha256 TEXT NOT NULL,
    job_id TEXT NOT NULL, -- that made it or took it over, and under which lease
    lease_token INTEGER NOT NULL,
    kept INTEGER NOT NULL DEFAULT 0 CHECK (kept IN (0, 1)),
    created_at INTEGER NOT NULL, -- the object
    PRIMARY KEY (storage_name, storage_path, job_id, lease_token)
) WITHOUT ROWID;
INSERT INTO shared_files
SELECT storage_name, storage_path, upload_id, kind, number, size, checksum_md5, checksum_sha256, job_id,
       lease_token, kept, created_at
FROM derived_files;
DROP TABLE derived_files;
ALTER TABLE shared_files RENAME TO derived_files;
CREATE INDEX derived_files_upload ON derived_files (upload_id);
CREATE UNIQUE INDEX derived_files_kept ON derived_files (upload_id, kind, number) WHERE kept = 1;
CREATE INDEX derived_files_loose ON derived_files (job_id, lease_token) WHERE kept = 0;
