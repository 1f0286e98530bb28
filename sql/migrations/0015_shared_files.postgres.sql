-- A file that processing made may be of several uploads: each has a row of its own, and the object
-- goes with the last of them.
ALTER TABLE derived_files DROP CONSTRAINT derived_files_pkey;
ALTER TABLE derived_files ADD PRIMARY KEY (storage_name, storage_path, job_id, lease_token);
COMMENT ON TABLE derived_files IS
    'Each file is here before it is an object, so that every object is explained; once for each job that '
    'made it or took it over. It is kept (1) from the transaction on that completes the job; what is not, '
    'and whose lease has ended, is left over. An upload goes only after its rows; the object goes on the '
    'garbage list with the last row of its path';
COMMENT ON COLUMN derived_files.job_id IS 'that made it or took it over, and under which lease';
COMMENT ON COLUMN derived_files.created_at IS 'the object';
