-- Sessions that have ended stay for a while, to tell how they did. Whoever begins one adds up those that
-- are open, inside the one writer: it must not walk through the others.

CREATE INDEX chunked_uploads_open
    ON chunked_uploads (workspace_id, reserved_bytes, concatenation, id) WHERE status = 'initiated';
