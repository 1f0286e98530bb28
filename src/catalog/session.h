/*
 * Sessions: uploads in progress, whatever the way they come in, and for a while how they ended.
 * Table chunked_uploads. "Open" is one whose status is SESSION_INITIATED: it holds a reservation.
 */
#ifndef CATALOG_SESSION_H
#define CATALOG_SESSION_H

#include "db/db.h"

#define SESSION_SIZE_UNKNOWN UINT64_MAX
#define SESSION_DIGEST_STATE_MAX 256 /* bytes */
#define SESSION_MD5_BYTES 16
#define SESSION_SHA256_BYTES 32

/* The protocol it was begun with. All but SESSION_POST outlive their request. */
enum session_kind { SESSION_POST, SESSION_CHUNKED, SESSION_TUS, SESSION_DRAFT };

enum session_status { SESSION_INITIATED, SESSION_COMPLETED, SESSION_FAILED };

/* tus: partial uploads become one final upload. A partial reserves bytes but no file. */
enum session_concatenation { SESSION_WHOLE, SESSION_PARTIAL, SESSION_FINAL };

/* What to do with content that the workspace has. */
enum on_duplicate { ON_DUPLICATE_LINK, ON_DUPLICATE_RETURN, ON_DUPLICATE_REJECT };

struct session {
    struct uuid id; /* the stage's name, too */
    struct uuid workspace_id;
    struct uuid user_id;
    struct uuid upload_id; /* what the upload will be called; of a completed one, is called (a
                              partial's: what it went into); of a
                              duplicate that was refused, the upload that was there */
    enum session_kind kind;
    enum session_status status;
    const char *filename;
    uint64_t file_size;    /* bytes, or SESSION_SIZE_UNKNOWN */
    uint64_t chunk_size;   /* bytes of an indexed chunk; 0: the session has none */
    uint64_t total_chunks; /* 0: none */
    uint64_t reserved_bytes;
    const char *storage_name;
    const char *storage_path;  /* the key that the bytes will have */
    const char *declared_type; /* media type; NULL: none */
    enum on_duplicate on_duplicate;
    const uint8_t *claimed_md5;    /* SESSION_MD5_BYTES of them; NULL: none */
    const uint8_t *claimed_sha256; /* SESSION_SHA256_BYTES of them; NULL: none */
    const char *metadata;          /* JSON object: what the client says of the file */
    uint64_t hashed_bytes;         /* from the start, that DIGEST_STATE is of */
    const void *digest_state;      /* NULL: none */
    size_t digest_state_bytes;
    enum session_concatenation concatenation;
    const char *partials;         /* of a final: JSON list of session ids; else NULL */
    const char *protocol_headers; /* JSON object: what the protocol repeats as it was sent; NULL:
                                     nothing */
    const char *idempotency_key;  /* NULL: none */
    const char *fingerprint;      /* NULL: none */
    const char *error_code;       /* of a failed one; else NULL */
    const char *error_message;    /* for the client. Of an open one: why its quota has no room for
                                     more, until more comes; NULL: it had */
    int64_t created_at_us;
    int64_t expires_at_us;
    struct uuid node_id; /* that received of it last; nil: none is known */
    bool is_shared;      /* any node may go on with it (catalog/piece.h) */
};

/* "chunked". */
const char *session_kind_name(enum session_kind kind);
/* "initiated". */
const char *session_status_name(enum session_status status);

/* Reserves SESSION->reserved_bytes, and one file unless it is partial: checks the quota and makes
 * the row. Fails as quota_check_file, with ERR_IDEMPOTENCY_BUSY if an open session has the same
 * key, ERR_IDEMPOTENCY_REUSED if it is another request's, ERR_NOT_FOUND if the workspace is gone.
 */
bool session_begin(struct db *tx, const struct session *session, struct error *err);
/* The same in one statement that nobody waits for (db_must), of a session that is a whole file and
 * has no idempotency key. Fails with ERR_CONFLICT unless there is room for certain: why, and
 * whether there is, session_begin says. */
bool session_begin_if_room(struct db *tx, const struct session *session, struct error *err);
/* Makes a session of unknown size hold BYTES in all, which is more than before. Fails as
 * quota_check_growth; ERR_NOT_FOUND if the session has ended, ERR_CONFLICT if its size is known. */
bool session_grow(struct db *tx, struct uuid workspace_id, struct uuid id, uint64_t bytes,
                  int64_t now_us, struct error *err);
/* The size has become known: the session holds just that. Fails as session_grow, and with
 * ERR_CONFLICT if it was known before. */
bool session_set_size(struct db *tx, struct uuid workspace_id, struct uuid id, uint64_t bytes,
                      int64_t now_us, struct error *err);
/* It is in use: expires at EXPIRES_AT_US. ERR_NOT_FOUND if it has ended. */
bool session_touch(struct db *tx, struct uuid id, int64_t expires_at_us, struct error *err);
/* The same, for who is not itself in use, but what is needs it: nothing if it has ended. */
bool session_put_off(struct db *tx, struct uuid id, int64_t expires_at_us, struct error *err);
/* The node received of it. Nothing if it has ended. */
bool session_set_node(struct db *tx, struct uuid id, struct uuid node_id, struct error *err);
/* From now on only the node that has its bytes can go on with it. */
bool session_set_unshared(struct db *tx, struct uuid id, struct error *err);
/* INSTANCE (catalog/node.h) makes the upload of it, alone. *MINE is false if another does, and is
 * alive at NOW_US, or the session has ended. */
bool session_take_finish(struct db *tx, struct uuid id, struct uuid instance, int64_t now_us,
                         bool *mine, struct error *err);
/* It does not, any more. */
bool session_leave_finish(struct db *tx, struct uuid id, struct uuid instance, struct error *err);
/* The quota has no room for more of it, as MESSAGE says. Nothing if it has ended. */
bool session_note_quota(struct db *tx, struct uuid id, const char *message, struct error *err);
/* Keeps the digest of its first BYTES bytes. Nothing if the session has ended. */
bool session_keep_digest(struct db *tx, struct uuid id, uint64_t bytes, const void *state,
                         size_t state_bytes, struct error *err);

/* The whole is to have these digests, SESSION_MD5_BYTES and SESSION_SHA256_BYTES; NULL: not told.
 * Nothing if the session has ended. */
bool session_claim(struct db *tx, struct uuid id, const uint8_t *md5, const uint8_t *sha256,
                   struct error *err);

/* It has become UPLOAD_ID of FILE_SIZE bytes: the row stays to tell until EXPIRES_AT_US; the
 * reservation is gone. OTHERWISE if it was not open (db_must). */
bool session_complete(struct db *tx, struct uuid id, struct uuid upload_id, uint64_t file_size,
                      int64_t now_us, int64_t expires_at_us, const struct db_refusal *otherwise,
                      struct error *err);
/* The same for one that failed for CAUSE, for good. *THERE is false if it was not open. */
bool session_fail(struct db *tx, struct uuid id, const struct error *cause, int64_t now_us,
                  int64_t expires_at_us, bool *there, struct error *err);
/* Ends it without a trace. *THERE is false if it had ended before. ERR_CONFLICT if it has pieces
 * (catalog/piece.h): they are dropped first. */
bool session_end(struct db *tx, struct uuid id, bool *there, struct error *err);
/* The same where it must be there: else OTHERWISE (db_must). */
bool session_must_end(struct db *tx, struct uuid id, const struct db_refusal *otherwise,
                      struct error *err);

/* Open or ended. ERR_NOT_FOUND if the workspace has no such session. */
bool session_by_id(struct db *db, struct uuid workspace_id, struct uuid id, struct arena *mem,
                   struct session *out, struct error *err);
/* That with an idempotency key, open or ended. ERR_NOT_FOUND. */
bool session_by_key(struct db *db, struct uuid workspace_id, struct uuid user_id, const char *key,
                    struct arena *mem, struct session *out, struct error *err);
/* The user's latest final with just this list of partials, open or ended. ERR_NOT_FOUND. */
bool session_final_of(struct db *db, struct uuid workspace_id, struct uuid user_id,
                      const char *partials, struct arena *mem, struct session *out,
                      struct error *err);
/* At most LIMIT open sessions whose id is greater than AFTER, in the order of their ids. */
bool session_list(struct db *db, struct uuid after, size_t limit, struct arena *mem,
                  struct session **out, size_t *count, struct error *err);
/* The same, but only those of which all bytes have come, and finals, whatever of them has: no
 * partials, and none of one request or of the IETF draft. */
bool session_list_left(struct db *db, struct uuid after, size_t limit, struct arena *mem,
                       struct session **out, size_t *count, struct error *err);
/* Those of one request that the node receives. */
bool session_list_node(struct db *db, struct uuid node_id, struct uuid after, size_t limit,
                       struct arena *mem, struct session **out, size_t *count, struct error *err);
/* That of session_list, open or ended, of a workspace. */
bool session_list_workspace(struct db *db, struct uuid workspace_id, struct uuid after,
                            size_t limit, struct arena *mem, struct session **out, size_t *count,
                            struct error *err);
/* Where a session stands in the order of expiry. */
struct session_expiry {
    int64_t expires_at_us;
    struct uuid id;
};
/* At most LIMIT that had expired by NOW_US, open or ended, behind AFTER in the order of expiry. */
bool session_expired(struct db *db, int64_t now_us, const struct session_expiry *after,
                     size_t limit, struct arena *mem, struct session **out, size_t *count,
                     struct error *err);
/* The open finals whose lists of partials hold ID. */
bool session_finals_of(struct db *db, struct uuid workspace_id, struct uuid id, struct arena *mem,
                       struct uuid **out, size_t *count, struct error *err);
/* Whether an open session has this id. */
bool session_exists(struct db *db, struct uuid id, bool *out, struct error *err);
/* Whether an open session will publish, or has published, at this path. */
bool session_holds_path(struct db *db, const char *storage_name, const char *storage_path,
                        bool *out, struct error *err);
/* How many are open, and what they reserve. */
bool session_figures(struct db *db, uint64_t *count, uint64_t *reserved_bytes, struct error *err);

#endif
