/*
 * Noting when a token was last used, beside the requests that use it: readers never wait for the
 * writer. What cannot be noted is forgotten, and noted by a later use.
 */
#ifndef SERVICE_TOKEN_USE_H
#define SERVICE_TOKEN_USE_H

#include "base/uuid.h"
#include "db/db.h"

struct token_uses;

/* DATABASE must outlive it. */
struct token_uses *token_uses_new(struct database *database);
/* Waits for a note that is being written. */
void token_uses_free(struct token_uses *uses);

/* Never blocks on the database. */
void token_uses_note(struct token_uses *uses, struct uuid token_id, int64_t now_us);

#endif
