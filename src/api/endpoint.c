#include "api/endpoint.h"

#include <assert.h>

#include "catalog/user.h"
#include "catalog/workspace.h"
#include "crypto/token.h"
#include "service/known_tokens.h"
#include "service/token_use.h"

bool endpoint_refuse(struct response *res, const char *why, struct error *err)
{
    response_header_always(res, "WWW-Authenticate", "Bearer");
    return error_set(err, ERR_UNAUTHORIZED, "%s", why);
}

/* The token of "Authorization: Bearer TOKEN" (RFC 6750; the scheme's case does not count). */
static bool bearer_hash(const char *header, uint8_t out[static SHA256_BYTES])
{
    struct str rest = str_from(header);
    struct str scheme;

    return str_split(&rest, ' ', &scheme) && str_equal_nocase(scheme, "bearer") &&
           token_hash(str_trim(rest), out);
}

static bool takes_callers_without_token(enum scope scope)
{
    return scope == SCOPE_PUBLIC || scope == SCOPE_LINK || scope == SCOPE_LOCAL;
}

/* "At most an hour behind": most requests write nothing. */
#define TOUCH_AFTER_US (INT64_C(3600) * US_PER_S)

static bool is_used_anew(const struct token *token, int64_t now_us)
{
    return now_us - token->last_used_at_us >= TOUCH_AFTER_US;
}

/* One statement says who it is. */
static bool find_token(struct request *req, const uint8_t hash[static SHA256_BYTES],
                       struct token *out, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct app *app = req->app;
    int64_t now_us = app_now_us(app);

    if (!database_read(app->database, &db, err) ||
        !token_authenticate(db, hash, now_us, req->mem, out, err))
        return false;
    if (is_used_anew(out, now_us)) {
        token_uses_note(app->token_uses, out->id, now_us);
        out->last_used_at_us = now_us;
    }
    return true;
}

/* Where asking takes a way over the network it can wait for the transaction that comes anyway. The
 * operator's workspace is to be asked for besides. */
static bool may_be_remembered(const struct request *req)
{
    const struct endpoint *endpoint = req->route->extra;

    return endpoint->scope == SCOPE_UPLOAD && database_is_shared(req->app->database);
}

/* *REMEMBERED: nobody was asked. */
static bool know_token(struct request *req, const uint8_t hash[static SHA256_BYTES],
                       struct token *out, bool *remembered, struct error *err)
{
    struct known_tokens *known = req->app->known_tokens;

    *remembered = may_be_remembered(req) && known_tokens_find(known, hash, out) &&
                  !is_used_anew(out, app_now_us(req->app));
    if (*remembered)
        return true;
    if (!find_token(req, hash, out, err))
        return false;
    if (may_be_remembered(req) && out->role != ROLE_OPERATOR)
        known_tokens_keep(known, hash, out);
    return true;
}

static bool authenticate(struct request *req, struct response *res, struct caller *out,
                         struct error *err)
{
    const char *header = request_header(req, "Authorization");
    uint8_t hash[SHA256_BYTES];
    struct token token;
    bool remembered;

    if (!header)
        return endpoint_refuse(res, "no token", err);
    if (!bearer_hash(header, hash))
        return endpoint_refuse(res, "malformed token", err);
    if (!know_token(req, hash, &token, &remembered, err))
        return err->kind == ERR_UNAUTHORIZED ? endpoint_refuse(res, "no such token", err) : false;
    *out = (struct caller){.role = token.role,
                           .token_id = token.id,
                           .user_id = token.user_id,
                           .workspace_id = token.workspace_id,
                           .is_remembered = remembered};
    return true;
}

bool endpoint_confirm(struct request *req, const struct caller *who, struct response *res,
                      struct error *err)
{
    uint8_t hash[SHA256_BYTES];
    struct token token;

    if (!who->is_remembered)
        return true;
    bool is_token = bearer_hash(request_header(req, "Authorization"), hash);
    assert(is_token);
    if (find_token(req, hash, &token, err))
        return true;
    return err->kind == ERR_UNAUTHORIZED ? endpoint_refuse(res, "no such token", err) : false;
}

static bool no_workspace(struct error *err)
{
    return error_tell(err, ERR_NOT_FOUND, "there is no such workspace");
}

/* The operator goes where they say, and acts there as the first user. */
static bool enter_as_operator(struct request *req, const char *named, struct caller *who,
                              struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct workspace workspace;

    if (named && !uuid_parse(str_from(named), &who->workspace_id))
        return no_workspace(err);
    if (!database_snapshot(req->app->database, &db, err)) /* locked once for all three questions */
        return false;
    if (!named && !workspace_only(db, &who->workspace_id, err))
        return err->kind == ERR_INVALID
                   ? error_tell(err, ERR_INVALID, "say which workspace with ?workspace_id=")
                   : false;
    if (workspace_by_id(db, who->workspace_id, req->mem, &workspace, err) &&
        user_first(db, who->workspace_id, &who->user_id, err))
        return true;
    return err->kind == ERR_NOT_FOUND ? no_workspace(err) : false;
}

static bool enter_own(const char *named, const struct caller *who, struct error *err)
{
    struct uuid id;

    if (!named || (uuid_parse(str_from(named), &id) && uuid_equal(id, who->workspace_id)))
        return true;
    return no_workspace(err);
}

static bool find_workspace(struct request *req, enum scope scope, struct caller *who,
                           struct error *err)
{
    const char *named = NULL;

    if (scope == SCOPE_SERVER || scope == SCOPE_LOCAL || scope == SCOPE_PUBLIC)
        return true;
    if (scope == SCOPE_PATH_WORKSPACE)
        named = request_param(req, "id");
    else if (!request_query(req, "workspace_id", &named, err))
        return false;
    if (who->role != ROLE_OPERATOR)
        return enter_own(named, who, err);
    if (scope == SCOPE_REPORT && !named)
        return true;
    return enter_as_operator(req, named, who, err);
}

bool endpoint_takes_workspace(const struct endpoint *endpoint)
{
    return endpoint->scope == SCOPE_WORKSPACE || endpoint->scope == SCOPE_UPLOAD ||
           endpoint->scope == SCOPE_REPORT || endpoint->scope == SCOPE_LINK;
}

#define QUERY_NAMES_MAX 16

/* Refuses parameters that the route does not know: a misspelt filter must not widen a list. */
static bool check_query(struct request *req, const struct endpoint *endpoint, struct error *err)
{
    const char *names[QUERY_NAMES_MAX + 2] = {0};
    size_t count = 0;

    for (; endpoint->query[count] && count < QUERY_NAMES_MAX; count++)
        names[count] = endpoint->query[count];
    if (endpoint_takes_workspace(endpoint))
        names[count] = "workspace_id";
    return request_query_only(req, names, err);
}

static bool admit(struct request *req, const struct endpoint *endpoint, struct response *res,
                  struct caller *who, struct error *err)
{
    bool anonymous = endpoint->scope == SCOPE_PUBLIC || !request_header(req, "Authorization");

    if (anonymous && takes_callers_without_token(endpoint->scope))
        return true;
    if (!authenticate(req, res, who, err))
        return false;
    if (who->role < endpoint->role)
        return error_tell(err, ERR_FORBIDDEN, "this needs the role %s; the token has %s",
                          token_role_name(endpoint->role), token_role_name(who->role));
    return find_workspace(req, endpoint->scope, who, err);
}

/* That it is out of order, or its client gone, is no news to anybody. */
static bool tells_of_the_server(const struct error *err)
{
    return error_status(err) < 500 && err->kind != ERR_GONE_CLIENT;
}

bool endpoint_answer(struct request *req, struct response *res, struct error *err)
{
    const struct endpoint *endpoint = req->route->extra;
    struct caller who = {0};
    struct error refused;

    if (admit(req, endpoint, res, &who, err) && check_query(req, endpoint, err) &&
        endpoint->answer(req, &who, res, err))
        return true;
    if (who.is_remembered && err->kind == ERR_UNAUTHORIZED)
        return endpoint_refuse(res, "no such token any more", err);
    if (tells_of_the_server(err) && !endpoint_confirm(req, &who, res, &refused))
        *err = refused;
    return false;
}

bool endpoint_id(const struct request *req, struct uuid *out, struct error *err)
{
    if (uuid_parse(str_from(request_param(req, "id")), out))
        return true;
    return error_tell(err, ERR_NOT_FOUND, "there is no such thing");
}

bool endpoint_upload(struct request *req, const struct caller *who, struct upload *out,
                     struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct uuid id;

    return endpoint_id(req, &id, err) && database_read(req->app->database, &db, err) &&
           upload_by_id(db, who->workspace_id, id, req->mem, out, err);
}
