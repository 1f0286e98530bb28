/*
 * Operators' tokens, which belong to no workspace: made, and replaced, by who has the data folder.
 * One of them stands in DATA/operator-token (mode 0600).
 */
#ifndef SERVICE_OPERATOR_TOKENS_H
#define SERVICE_OPERATOR_TOKENS_H

#include "catalog/token.h"
#include "crypto/token.h"
#include "service/app.h"

/* Makes the first one, in DATA/operator-token, unless there is or was one. */
bool operator_tokens_first(struct app *app, const char *data, struct error *err);
/* Makes one, good until EXPIRES_AT_US (0: for ever). NAME and SECRET must outlive OUT; the text in
 * SECRET is nowhere else. */
bool operator_tokens_add(struct app *app, const char *name, int64_t expires_at_us,
                         struct token_secret *secret, struct token *out, struct error *err);
/*
 * Puts a new one into DATA/operator-token and revokes the one that stood there, with ALL every
 * other one; *REVOKED is how many. The old ones are worthless before the file is written: where
 * that fails, do it again.
 */
bool operator_tokens_replace(struct app *app, const char *data, bool all,
                             struct token_secret *secret, struct token *out, uint64_t *revoked,
                             struct error *err);
/* Revokes one, if it is an operator's: else ERR_NOT_FOUND. */
bool operator_tokens_revoke(struct app *app, struct uuid id, struct error *err);

#endif
