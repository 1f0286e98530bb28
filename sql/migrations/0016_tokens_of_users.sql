-- To revoke a user's tokens without a look at all those of the workspace, or of the installation.

CREATE INDEX api_tokens_user ON api_tokens (user_id) WHERE revoked_at IS NULL;
