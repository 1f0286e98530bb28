#include "service/operator_tokens.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

#define FILE_MAX_BYTES 4096

static struct token describe(struct app *app, const char *name, int64_t expires_at_us,
                             const struct token_secret *secret)
{
    return (struct token){.id = app_new_id(app),
                          .role = ROLE_OPERATOR,
                          .name = name,
                          .prefix = secret->prefix,
                          .created_at_us = app_now_us(app),
                          .expires_at_us = expires_at_us};
}

static const char *file_path(const char *data, struct arena *mem)
{
    return arena_printf(mem, "%s/operator-token", data);
}

/* For root the file is the server's user's, as the data folder is. */
static bool give_to_owner(const char *data, const char *path, struct error *err)
{
    struct stat folder;

    if (geteuid() != 0)
        return true;
    return (stat(data, &folder) == 0 && lchown(path, folder.st_uid, folder.st_gid) == 0) ||
           error_errno(err, "\"%s\"", path);
}

static bool write_file(const char *data, const struct token_secret *secret, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    const char *path = file_path(data, mem);
    char line[TOKEN_TEXT_SIZE + 1];

    snprintf(line, sizeof line, "%s\n", secret->text);
    return fs_write_file(path, line, strlen(line), 0600, err) && give_to_owner(data, path, err);
}

/* ---- making ---- */

struct insertion {
    const struct token *token;
    const struct token_secret *secret;
};

static bool insert(struct db *tx, void *context, struct error *err)
{
    const struct insertion *insertion = context;

    return token_insert(tx, insertion->token, insertion->secret->hash, err);
}

bool operator_tokens_add(struct app *app, const char *name, int64_t expires_at_us,
                         struct token_secret *secret, struct token *out, struct error *err)
{
    token_make(app->random, secret);
    *out = describe(app, name, expires_at_us, secret);
    return database_write(app->database, insert, &(struct insertion){out, secret}, err);
}

static bool is_there(struct app *app, bool *out, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    scoped(arena_release) struct arena *mem = arena_new();
    const struct uuid nil = {{0}};
    struct token *tokens;
    size_t count;

    if (!database_read(app->database, &db, err) ||
        !token_list(db, nil, nil, 1, mem, &tokens, &count, err))
        return false;
    *out = count > 0;
    return true;
}

/* The file first: a token that nobody can read would be lost, one without a row is only useless and
 * is replaced by the next start. */
bool operator_tokens_first(struct app *app, const char *data, struct error *err)
{
    struct token_secret secret;
    struct token token;
    bool there;

    if (!is_there(app, &there, err) || there)
        return there;
    token_make(app->random, &secret);
    token = describe(app, "first start", 0, &secret);
    return write_file(data, &secret, err) &&
           database_write(app->database, insert, &(struct insertion){&token, &secret}, err);
}

/* ---- replacing ---- */

struct replacement {
    const struct token *token;
    const struct token_secret *secret;
    bool has_old; /* OLD_HASH is of what the file held */
    bool all;
    uint8_t old_hash[SHA256_BYTES];
    uint64_t revoked;
};

static bool replace(struct db *tx, void *context, struct error *err)
{
    struct replacement *replacement = context;
    int64_t now_us = replacement->token->created_at_us;

    replacement->revoked = 0;
    if (replacement->all && !token_operator_revoke_all(tx, now_us, &replacement->revoked, err))
        return false;
    if (!replacement->all && replacement->has_old &&
        !token_operator_revoke_hash(tx, replacement->old_hash, now_us, &replacement->revoked, err))
        return false;
    return token_insert(tx, replacement->token, replacement->secret->hash, err);
}

/* What is no token revokes none; neither does a file that is gone. */
static bool read_old(const char *data, struct replacement *out, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    size_t length;
    char *text;

    if (fs_read_file(file_path(data, mem), FILE_MAX_BYTES, mem, &text, &length, err)) {
        text[strcspn(text, "\r\n")] = '\0';
        out->has_old = token_hash(str_trim(str_from(text)), out->old_hash);
        return true;
    }
    return err->kind == ERR_NOT_FOUND || err->kind == ERR_INVALID;
}

bool operator_tokens_replace(struct app *app, const char *data, bool all,
                             struct token_secret *secret, struct token *out, uint64_t *revoked,
                             struct error *err)
{
    struct replacement replacement = {.token = out, .secret = secret, .all = all};

    token_make(app->random, secret);
    *out = describe(app, "operator-token", 0, secret);
    if (!read_old(data, &replacement, err) ||
        !database_write(app->database, replace, &replacement, err))
        return false;
    if (!write_file(data, secret, err))
        return error_context(err, "the new token could not be kept, and is lost");
    *revoked = replacement.revoked;
    return true;
}

/* ---- revoking ---- */

struct revocation {
    struct uuid id;
    int64_t now_us;
};

static bool revoke_work(struct db *tx, void *context, struct error *err)
{
    const struct revocation *revocation = context;

    return token_revoke(tx, (struct uuid){{0}}, revocation->id, revocation->now_us, err);
}

bool operator_tokens_revoke(struct app *app, struct uuid id, struct error *err)
{
    return database_write(app->database, revoke_work, &(struct revocation){id, app_now_us(app)},
                          err);
}
