/* /v1/chunked-uploads: sessions, whatever protocol they were begun with. */
#include "api/lists.h"
#include "api/members.h"
#include "api/receive.h"
#include "api/resources.h"
#include "api/sessions.h"
#include "base/json_text.h"

static bool answer_session(struct response *res, int status, const struct resumable_state *state,
                           struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);

    buf_init(&out, VIEW_SMALL_BYTES);
    view_session(&json, NULL, state);
    return view_send(res, status, &out, err);
}

/* ---- beginning ---- */

struct wish {
    struct member_value filename, file_size, chunk_size, mime_type, sha256, on_duplicate, metadata;
};

static bool read_claim(const struct member_value *sha256, struct digest_claims *out,
                       struct error *err)
{
    if (!sha256->given || sha256->null)
        return true;
    out->has_sha256 = true;
    return hex_decode(str_from(sha256->text), out->digests.sha256, SHA256_BYTES) ||
           error_tell(err, ERR_INVALID, "sha256 must be 64 hexadecimal digits");
}

static bool choose_chunk_size(const struct member_value *given, uint64_t file_size, uint64_t *out,
                              struct error *err)
{
    *out = given->given && !given->null ? given->count : session_usual_chunk_size(file_size);
    if (file_size == 0 || (file_size - 1) / *out < UPLOAD_CHUNKS_MAX)
        return true;
    return error_tell(err, ERR_INVALID,
                      "chunk_size must be %llu or more: an upload has at most %d chunks",
                      (unsigned long long)((file_size + UPLOAD_CHUNKS_MAX - 1) / UPLOAD_CHUNKS_MAX),
                      UPLOAD_CHUNKS_MAX);
}

static bool read_metadata(const struct member_value *metadata, struct arena *mem, const char **out,
                          struct error *err)
{
    scoped(memory_free) char *text = NULL;

    if (!metadata->given || metadata->null)
        return true;
    text = json_text_write(metadata->object, JSON_COMPACT);
    if (!text)
        return error_set(err, ERR_INTERNAL, "metadata cannot be written as JSON");
    *out = arena_strdup(mem, text);
    return true;
}

/* What WISH says, checked as far as it can be without the workspace. */
static bool fill_request(const struct wish *wish, struct arena *mem, struct resumable_request *out,
                         struct error *err)
{
    out->filename = arena_strdup(mem, wish->filename.text);
    out->size = wish->file_size.count;
    out->declared_type = receive_declared_type(
        wish->mime_type.given && !wish->mime_type.null ? wish->mime_type.text : NULL, mem);
    return receive_on_duplicate(wish->on_duplicate.given ? wish->on_duplicate.text : NULL,
                                &out->on_duplicate, err) &&
           read_claim(&wish->sha256, &out->claims, err) &&
           choose_chunk_size(&wish->chunk_size, out->size, &out->chunk_size, err) &&
           read_metadata(&wish->metadata, mem, &out->metadata, err);
}

static bool read_request(struct request *req, const struct caller *who,
                         struct resumable_request *out, struct error *err)
{
    scoped(members_release) json_t *body = NULL;
    struct wish wish = {0};
    const struct member table[] = {
        {"filename", MEMBER_PROSE, true, false, 0, UINT16_MAX, &wish.filename},
        {"file_size", MEMBER_COUNT, true, false, 0, INT64_MAX, &wish.file_size},
        {"chunk_size", MEMBER_COUNT, false, true, CHUNK_BYTES_MIN, CHUNK_BYTES_MAX,
         &wish.chunk_size},
        {"mime_type", MEMBER_TEXT, false, true, 1, 255, &wish.mime_type},
        {"sha256", MEMBER_TEXT, false, true, 64, 64, &wish.sha256},
        {"on_duplicate", MEMBER_TEXT, false, false, 1, 16, &wish.on_duplicate},
        {"metadata", MEMBER_OBJECT, false, true, 0, 0, &wish.metadata}};

    *out = (struct resumable_request){
        .workspace_id = who->workspace_id, .user_id = who->user_id, .kind = SESSION_CHUNKED};
    return receive_idempotency_key(req, &out->idempotency_key, err) &&
           members_read(req, false, &body, err) &&
           members_take(body, table, COUNT_OF(table), err) &&
           fill_request(&wish, req->mem, out, err);
}

bool post_chunked_uploads(struct request *req, const struct caller *who, struct response *res,
                          struct error *err)
{
    struct resumable_request wish;
    struct resumable_state state;
    char id[UUID_TEXT_SIZE];

    if (!read_request(req, who, &wish, err) ||
        !resumable_begin(req->app, &wish, req->mem, &state, err))
        return false;
    uuid_format(state.session.id, id);
    response_header_printf(res, "Location", "/v1/chunked-uploads/%s", id);
    return answer_session(res, 201, &state, err);
}

/* ---- reading and ending ---- */

bool get_chunked_upload(struct request *req, const struct caller *who, struct response *res,
                        struct error *err)
{
    struct resumable_state state;

    return session_of_request(req, who, &state, err) && answer_session(res, 200, &state, err);
}

static bool find_sessions(struct request *req, const struct caller *who, const struct page *page,
                          struct resumable_state **out, size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct session *sessions;

    if (!database_read(req->app->database, &db, err) ||
        !session_list_workspace(db, who->workspace_id, page->cursor.id, page->limit + 1, req->mem,
                                &sessions, count, err))
        return false;
    *out = arena_array(req->mem, *count + 1, sizeof **out);
    for (size_t i = 0; i < *count; i++) {
        struct resumable_state *state = &(*out)[i];

        state->session = sessions[i];
        if (!part_list(db, sessions[i].id, req->mem, &state->parts, err))
            return false;
        state->offset = resumable_offset(&state->session, &state->parts);
    }
    return true;
}

bool get_chunked_uploads(struct request *req, const struct caller *who, struct response *res,
                         struct error *err)
{
    scoped(listing_release) struct listing listing = {0};
    struct resumable_state *items = NULL;
    const char *next = NULL;
    struct page page;
    size_t count = 0;

    if (!page_read(req, ORDER_IDS, &page, err) ||
        !find_sessions(req, who, &page, &items, &count, err))
        return false;
    if (count > page.limit) {
        count = page.limit;
        next = cursor_of_id(items[count - 1].session.id, req->mem);
    }
    listing_open(&listing);
    for (size_t i = 0; i < count; i++)
        view_session(&listing.json, NULL, &items[i]);
    return listing_send(&listing, next, res, err);
}

bool delete_chunked_upload(struct request *req, const struct caller *who, struct response *res,
                           struct error *err)
{
    struct uuid id;

    return endpoint_id(req, &id, err) && resumable_abort(req->app, who->workspace_id, id, err) &&
           response_empty(res, 204, err);
}
