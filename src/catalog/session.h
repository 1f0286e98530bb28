/* Sessions: uploads in progress, whatever the way they come in. Table chunked_uploads. */
#ifndef CATALOG_SESSION_H
#define CATALOG_SESSION_H

#include "db/db.h"

#define SESSION_SIZE_UNKNOWN UINT64_MAX

enum session_kind { SESSION_POST, SESSION_CHUNKED, SESSION_TUS };

struct session {
    struct uuid id; /* the stage's name, too */
    struct uuid workspace_id;
    struct uuid user_id;
    struct uuid upload_id; /* what the upload will be called */
    enum session_kind kind;
    const char *filename;
    uint64_t file_size; /* bytes, or SESSION_SIZE_UNKNOWN */
    uint64_t reserved_bytes;
    const char *storage_name;
    const char *storage_path; /* the key that the bytes will have */
    const char *idempotency_key; /* NULL: none */
    const char *fingerprint;     /* NULL: none */
    int64_t created_at_us;
    int64_t expires_at_us;
};

/* Reserves SESSION->reserved_bytes and one file: checks the quota and makes the row. Fails as
 * quota_check_file, and with ERR_IDEMPOTENCY_BUSY if an open session has the same key. */
bool session_begin(struct db *tx, const struct session *session, struct error *err);
/* Makes the session hold BYTES in all, which is more than before. Fails as quota_check_growth;
 * ERR_NOT_FOUND if the session has ended. */
bool session_grow(struct db *tx, struct uuid workspace_id, struct uuid id, uint64_t bytes,
                  int64_t now_us, struct error *err);
/* Ends it: its reservation is gone. *THERE is false if it had ended before. */
bool session_end(struct db *tx, struct uuid id, bool *there, struct error *err);

/* At most LIMIT sessions whose id is greater than AFTER, in the order of their ids. */
bool session_list(struct db *db, struct uuid after, size_t limit, struct arena *mem,
                  struct session **out, size_t *count, struct error *err);
/* The same, of those that had expired by NOW_US. */
bool session_expired(struct db *db, int64_t now_us, size_t limit, struct arena *mem,
                     struct session **out, size_t *count, struct error *err);
/* Whether an open session has this id. */
bool session_exists(struct db *db, struct uuid id, bool *out, struct error *err);
/* Whether an open session will publish, or has published, at this path. */
bool session_holds_path(struct db *db, const char *storage_name, const char *storage_path,
                        bool *out, struct error *err);
/* How many are open, and what they reserve. */
bool session_figures(struct db *db, uint64_t *count, uint64_t *reserved_bytes, struct error *err);

#endif
