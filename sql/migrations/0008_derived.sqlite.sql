-- Files that processing makes of uploads: chunks that were cut, waveforms.

-- Each is here before it is an object, so that every object is explained. It is kept from the
-- transaction on that completes the job that made it; what is not, and whose lease has ended, is left
-- over. An upload goes only after its files have gone on the garbage list.
CREATE TABLE derived_files (
    storage_name TEXT NOT NULL,
    storage_path TEXT NOT NULL,
    upload_id TEXT NOT NULL REFERENCES audio_uploads (id),
    kind TEXT NOT NULL CHECK (kind IN ('chunk', 'waveform')),
    number INTEGER NOT NULL CHECK (number >= 0), -- the chunk's index; the waveform's samples per pixel
    size INTEGER NOT NULL CHECK (size >= 0),
    checksum_md5 TEXT NOT NULL,
    checksum_sha256 TEXT NOT NULL,
    job_id TEXT NOT NULL, -- that made it, and under which lease
    lease_token INTEGER NOT NULL,
    kept INTEGER NOT NULL DEFAULT 0 CHECK (kept IN (0, 1)),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (storage_name, storage_path)
) WITHOUT ROWID;
CREATE INDEX derived_files_upload ON derived_files (upload_id);
CREATE UNIQUE INDEX derived_files_kept ON derived_files (upload_id, kind, number) WHERE kept = 1;
CREATE INDEX derived_files_loose ON derived_files (job_id, lease_token) WHERE kept = 0;

-- How an upload's files of a kind were made the last time: any of them can be made again.
CREATE TABLE derived_recipes (
    upload_id TEXT NOT NULL REFERENCES audio_uploads (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('chunk', 'waveform')),
    options TEXT NOT NULL, -- JSON, of the job; nothing of it is left to the configuration
    made_at INTEGER NOT NULL,
    PRIMARY KEY (upload_id, kind)
) WITHOUT ROWID;

ALTER TABLE audio_chunks ADD COLUMN storage_name TEXT; -- of CHUNK_PATH
ALTER TABLE audio_chunks ADD COLUMN checksum_sha256 TEXT;
