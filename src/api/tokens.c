#include "catalog/token.h"

#include "api/idempotent.h"
#include "api/lists.h"
#include "api/members.h"
#include "api/resources.h"
#include "catalog/user.h"
#include "crypto/token.h"

#define TOKEN_LONGEST_S INT64_C(315360000) /* ten years */

/* ?role=operator asks for the tokens that belong to no workspace. */
static bool list_scope(struct request *req, const struct caller *who, struct uuid *out,
                       struct error *err)
{
    const char *role = NULL;

    if (!request_query(req, "role", &role, err))
        return false;
    *out = who->workspace_id;
    if (!role)
        return true;
    if (strcmp(role, "operator") != 0)
        return error_tell(err, ERR_INVALID, "role can only be operator");
    if (who->role != ROLE_OPERATOR)
        return error_tell(err, ERR_FORBIDDEN, "these are the operator's");
    *out = (struct uuid){{0}};
    return true;
}

static bool find_tokens(struct request *req, const struct caller *who, const struct page *page,
                        struct token **items, size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct uuid scope;

    return list_scope(req, who, &scope, err) && database_read(req->app->database, &db, err) &&
           token_list(db, scope, page->cursor.id, page->limit + 1, req->mem, items, count, err);
}

bool get_tokens(struct request *req, const struct caller *who, struct response *res,
                struct error *err)
{
    scoped(listing_release) struct listing listing = {0};
    struct token *items = NULL;
    const char *next = NULL;
    struct page page;
    size_t count = 0;

    if (!page_read(req, ORDER_IDS, &page, err) ||
        !find_tokens(req, who, &page, &items, &count, err))
        return false;
    if (count > page.limit) {
        count = page.limit;
        next = cursor_of_id(items[count - 1].id, req->mem);
    }
    listing_open(&listing);
    for (size_t i = 0; i < count; i++)
        view_token(&listing.json, &items[i], NULL);
    return listing_send(&listing, next, res, err);
}

struct token_wish {
    struct member_value user_id, role, name, expires_at, expires_in_s;
};

static bool read_wish(const json_t *body, struct token_wish *out, struct error *err)
{
    const struct member table[] = {
        {"user_id", MEMBER_UUID, false, false, 0, 0, &out->user_id},
        {"role", MEMBER_TEXT, true, false, 1, 16, &out->role},
        {"name", MEMBER_TEXT, false, false, 0, TOKEN_NAME_MAX, &out->name},
        {"expires_at", MEMBER_TIME, false, false, 0, 0, &out->expires_at},
        {"expires_in_s", MEMBER_COUNT, false, false, 1, TOKEN_LONGEST_S, &out->expires_in_s},
    };

    return members_take(body, table, COUNT_OF(table), err);
}

static bool set_expiry(const struct token_wish *wish, struct token *token, struct error *err)
{
    if (wish->expires_at.given && wish->expires_in_s.given)
        return error_tell(err, ERR_INVALID, "give expires_at or expires_in_s, not both");
    if (wish->expires_in_s.given)
        token->expires_at_us = token->created_at_us + (int64_t)wish->expires_in_s.count * US_PER_S;
    if (!wish->expires_at.given)
        return true;
    if (wish->expires_at.time_us <= token->created_at_us)
        return error_tell(err, ERR_INVALID, "expires_at has passed");
    token->expires_at_us = wish->expires_at.time_us;
    return true;
}

static bool set_role(const struct token_wish *wish, const struct caller *who, struct token *token,
                     struct error *err)
{
    if (!token_role_parse(wish->role.text, &token->role))
        return error_tell(err, ERR_INVALID, "role must be reader, writer, admin or operator");
    if (token->role > who->role)
        return error_tell(err, ERR_FORBIDDEN, "a token cannot give a role above one's own");
    return true;
}

/* Whose it is: the operator's tokens are nobody's. */
static bool set_owner(const struct token_wish *wish, const struct caller *who, struct token *token,
                      struct error *err)
{
    if (token->role == ROLE_OPERATOR)
        return !wish->user_id.given ||
               error_tell(err, ERR_INVALID, "an operator's token belongs to no user");
    token->workspace_id = who->workspace_id;
    token->user_id = wish->user_id.given ? wish->user_id.uuid : who->user_id;
    return true;
}

struct token_insertion {
    struct idempotency once;
    struct token token;
    struct token_secret secret;
    bool is_known; /* TOKEN is what the same request has made before; its secret nobody knows */
    struct arena *mem;
};

/* In the transaction: a token made while its user is disabled would outlive that. */
static bool check_owner(struct db *tx, const struct token_insertion *insertion, struct error *err)
{
    const struct token *token = &insertion->token;
    struct user user;

    if (token->role == ROLE_OPERATOR)
        return true;
    if (!user_by_id(tx, token->workspace_id, token->user_id, insertion->mem, &user, err))
        return false;
    return user.disabled_at_us == 0 ||
           error_tell(err, ERR_CONFLICT, "the user \"%.100s\" is disabled", user.name);
}

static bool insert_work(struct db *tx, void *context, struct error *err)
{
    struct token_insertion *insertion = context;
    struct token *token = &insertion->token;
    struct uuid id;

    if (!idempotency_claim(tx, &insertion->once, &insertion->is_known, &id, err))
        return false;
    if (!insertion->is_known)
        return check_owner(tx, insertion, err) &&
               token_insert(tx, token, insertion->secret.hash, err);
    return token_by_id(tx, token->workspace_id, id, insertion->mem, token, err);
}

static bool answer_token(struct response *res, const struct token_insertion *made,
                         struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);

    buf_init(&out, VIEW_SMALL_BYTES);
    view_token(&json, &made->token, made->is_known ? NULL : made->secret.text);
    response_header(res, "Cache-Control", "no-store");
    return view_send(res, made->is_known ? 200 : 201, &out, err);
}

bool post_tokens(struct request *req, const struct caller *who, struct response *res,
                 struct error *err)
{
    scoped(members_release) json_t *body = NULL;
    struct token_wish wish = {0};
    struct token_insertion made = {
        .token = {.id = app_new_id(req->app), .created_at_us = app_now_us(req->app)},
        .mem = req->mem};

    if (!members_read(req, false, &body, err) || !read_wish(body, &wish, err) ||
        !set_expiry(&wish, &made.token, err) || !set_role(&wish, who, &made.token, err) ||
        !set_owner(&wish, who, &made.token, err) ||
        !idempotent_entry(req, who, body, made.token.id, &made.once, err))
        return false;
    token_make(req->app->random, &made.secret);
    made.token.name = wish.name.given ? wish.name.text : "";
    made.token.prefix = made.secret.prefix;
    return database_write(req->app->database, insert_work, &made, err) &&
           answer_token(res, &made, err);
}

struct revocation {
    struct uuid workspace_id;
    struct uuid id;
    bool by_operator;
    int64_t now_us;
};

/* The operator reaches operators' tokens too, whichever workspace was named. */
static bool revoke_work(struct db *tx, void *context, struct error *err)
{
    const struct revocation *revocation = context;

    if (token_revoke(tx, revocation->workspace_id, revocation->id, revocation->now_us, err))
        return true;
    return err->kind == ERR_NOT_FOUND && revocation->by_operator &&
           token_revoke(tx, (struct uuid){{0}}, revocation->id, revocation->now_us, err);
}

bool delete_token(struct request *req, const struct caller *who, struct response *res,
                  struct error *err)
{
    struct revocation revocation = {.workspace_id = who->workspace_id,
                                    .by_operator = who->role == ROLE_OPERATOR,
                                    .now_us = app_now_us(req->app)};

    return endpoint_id(req, &revocation.id, err) &&
           database_write(req->app->database, revoke_work, &revocation, err) &&
           response_empty(res, 204, err);
}
