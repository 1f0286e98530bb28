-- What a session's protocol must repeat to its client just as it was sent.

ALTER TABLE chunked_uploads ADD COLUMN protocol_headers TEXT; -- JSON object, name to value
