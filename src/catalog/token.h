/* API tokens as rows: their hash, whose they are, and what they allow. */
#ifndef CATALOG_TOKEN_H
#define CATALOG_TOKEN_H

#include "db/db.h"

#define TOKEN_NAME_MAX 100 /* bytes */
#define TOKEN_HASH_BYTES 32

/* Each role may do what those before it may. */
enum token_role { ROLE_READER, ROLE_WRITER, ROLE_ADMIN, ROLE_OPERATOR };

struct token {
    struct uuid id;
    struct uuid user_id;      /* nil for the operator */
    struct uuid workspace_id; /* nil for the operator */
    enum token_role role;
    const char *name;
    const char *prefix;
    int64_t created_at_us;
    int64_t last_used_at_us; /* 0: never */
    int64_t expires_at_us;   /* 0: never */
    int64_t revoked_at_us;   /* 0: not revoked */
};

const char *token_role_name(enum token_role role);
bool token_role_parse(const char *name, enum token_role *out);

bool token_insert(struct db *tx, const struct token *token,
                  const uint8_t hash[static TOKEN_HASH_BYTES], struct error *err);
/*
 * The token of that hash, if it is good at NOW_US: neither expired nor revoked, its user not
 * disabled, its workspace not deleted. ERR_UNAUTHORIZED in every other case alike.
 */
bool token_authenticate(struct db *db, const uint8_t hash[static TOKEN_HASH_BYTES], int64_t now_us,
                        struct arena *mem, struct token *out, struct error *err);
/* Whether a token that was good before still is. */
bool token_is_good(struct db *db, struct uuid id, int64_t now_us, bool *out, struct error *err);
/* Confirms it (db_must): else ERR_UNAUTHORIZED. */
bool token_must_be_good(struct db *tx, struct uuid id, int64_t now_us, struct error *err);
/* Notes that it was used. */
bool token_touch(struct db *tx, struct uuid id, int64_t now_us, struct error *err);
/* Of a workspace; of the operator if it is nil. At most LIMIT whose id is greater than AFTER. */
bool token_list(struct db *db, struct uuid workspace_id, struct uuid after, size_t limit,
                struct arena *mem, struct token **out, size_t *count, struct error *err);
/* ERR_NOT_FOUND if the workspace (nil: the operator) has no such token. */
bool token_by_id(struct db *db, struct uuid workspace_id, struct uuid id, struct arena *mem,
                 struct token *out, struct error *err);
/* Stays revoked since the first time. ERR_NOT_FOUND as token_by_id. */
bool token_revoke(struct db *tx, struct uuid workspace_id, struct uuid id, int64_t now_us,
                  struct error *err);
/* Revokes the operator's token of that hash, if it is good; *CHANGED is 1 then, else 0. */
bool token_operator_revoke_hash(struct db *tx, const uint8_t hash[static TOKEN_HASH_BYTES],
                                int64_t now_us, uint64_t *changed, struct error *err);
/* Revokes every operator's token; *CHANGED is how many were good. */
bool token_operator_revoke_all(struct db *tx, int64_t now_us, uint64_t *changed, struct error *err);

#endif
