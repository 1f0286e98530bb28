/* Digests of the whole that are told after the session has begun. */
#include <string.h>

#include "service/resumable_state.h"

static bool contradict(struct error *err)
{
    return error_tell(err, ERR_INVALID,
                      "the digest of the whole contradicts the one that was told before");
}

/* ---- of an open session ---- */

/* *KNOWN, of SIZE bytes or NULL, becomes CLAIM. */
static bool merge(const uint8_t **known, const uint8_t *claim, size_t size, struct error *err)
{
    if (*known && memcmp(*known, claim, size) != 0)
        return contradict(err);
    *known = claim;
    return true;
}

static bool merge_claims(struct session *session, const struct digest_claims *claims,
                         struct error *err)
{
    const struct digests *digests = &claims->digests;

    return (!claims->has_md5 || merge(&session->claimed_md5, digests->md5, MD5_BYTES, err)) &&
           (!claims->has_sha256 ||
            merge(&session->claimed_sha256, digests->sha256, SHA256_BYTES, err));
}

struct claiming {
    struct uuid workspace_id, id;
    const struct digest_claims *claims;
};

static bool claim_work(struct db *tx, void *context, struct error *err)
{
    const struct claiming *claiming = context;
    scoped(arena_release) struct arena *mem = arena_new();
    struct session session;

    return session_by_id(tx, claiming->workspace_id, claiming->id, mem, &session, err) &&
           resumable_must_be_open(&session, err) && merge_claims(&session, claiming->claims, err) &&
           session_claim(tx, session.id, session.claimed_md5, session.claimed_sha256, err);
}

/* ---- of a completed one ---- */

/* Whether HEX is the CLAIM. */
static bool is_same(const char *hex, const uint8_t *claim, size_t size)
{
    uint8_t digest[SHA256_BYTES];

    return hex && hex_decode(str_from(hex), digest, size) && memcmp(digest, claim, size) == 0;
}

static bool compare_with_upload(struct app *app, const struct session *session,
                                const struct digest_claims *claims, struct arena *mem,
                                struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct upload upload;

    if (!database_read(app->database, &db, err) ||
        !upload_by_id(db, session->workspace_id, session->upload_id, mem, &upload, err))
        return false;
    if ((claims->has_md5 && !is_same(upload.checksum_md5, claims->digests.md5, MD5_BYTES)) ||
        (claims->has_sha256 &&
         !is_same(upload.checksum_sha256, claims->digests.sha256, SHA256_BYTES)))
        return error_set(err, ERR_CHECKSUM, "digest of a complete upload");
    return true;
}

bool resumable_claim(struct app *app, struct uuid workspace_id, struct uuid id,
                     const struct digest_claims *claims, struct arena *mem, struct error *err)
{
    struct claiming claiming = {workspace_id, id, claims};
    struct resumable_state state;

    if (!claims->has_md5 && !claims->has_sha256)
        return true;
    if (!resumable_load(app, workspace_id, id, mem, &state, err))
        return false;
    if (state.session.concatenation == SESSION_PARTIAL)
        return error_tell(err, ERR_INVALID, "a partial upload has no digest of the whole");
    if (state.session.status == SESSION_COMPLETED)
        return compare_with_upload(app, &state.session, claims, mem, err);
    if (state.session.concatenation == SESSION_FINAL)
        return resumable_refuse_content(err);
    return database_write(app->database, claim_work, &claiming, err);
}
