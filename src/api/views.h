/* Records as JSON, each as openapi.json describes it, and the frames of answers. */
#ifndef API_VIEWS_H
#define API_VIEWS_H

#include "api/emit.h"
#include "catalog/chunk.h"
#include "catalog/history.h"
#include "catalog/quota.h"
#include "catalog/token.h"
#include "catalog/upload.h"
#include "catalog/usage.h"
#include "catalog/user.h"
#include "catalog/workspace.h"
#include "http/response.h"
#include "store/store.h"

#define VIEW_SMALL_BYTES ((size_t)256 * 1024)
#define VIEW_PAGE_BYTES ((size_t)128 * 1024 * 1024)

/* Each writes one record, as the member NAME or, where that is NULL, as an item of a list. */
void view_upload(struct emitter *json, const char *name, const struct upload *upload);
void view_chunk(struct emitter *json, const struct chunk *chunk);
void view_history(struct emitter *json, const struct history_entry *entry);
void view_workspace(struct emitter *json, const struct workspace *workspace);
void view_quota(struct emitter *json, const struct quota *quota);
void view_user(struct emitter *json, const struct user *user);
/* SECRET is shown if it is not NULL. */
void view_token(struct emitter *json, const struct token *token, const char *secret);
void view_usage(struct emitter *json, const struct usage *usage);

/* The strong ETag of a record: changes whenever it does. */
#define VIEW_ETAG_SIZE 64
void view_upload_etag(const struct upload *upload, char out[static VIEW_ETAG_SIZE]);

/* Sends what OUT holds. Fails with ERR_INTERNAL if its limit was too small. */
bool view_send(struct response *res, int status, const struct buf *out, struct error *err);
/* Sends one record, with its ETag. */
bool view_answer_upload(struct response *res, int status, const struct upload *upload,
                        struct error *err);
/* The same with what its provider says of the content, which has no ETag. */
bool view_answer_stored_upload(struct response *res, int status, const struct upload *upload,
                               const struct store_object *object, struct error *err);

#endif
