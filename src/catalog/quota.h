/*
 * Quotas: limits, usage, and the arithmetic between them.
 *
 * Usage is the sum over the rows of audio_uploads and changes only in the transaction that changes
 * them. What open sessions have reserved is added up from their rows each time, so that it cannot
 * drift.
 */
#ifndef CATALOG_QUOTA_H
#define CATALOG_QUOTA_H

#include "base/clock.h"
#include "db/db.h"

/* More is refused without a quota as well: sums over all uploads must fit into the catalog's
 * integers. 64 PiB. */
#define QUOTA_BYTES_MAX (UINT64_C(1) << 56)

struct quota_limit {
    bool limited; /* false: no limit, and VALUE is 0 */
    uint64_t value;
};

static inline struct quota_limit quota_limit_of(uint64_t value)
{
    return (struct quota_limit){true, value};
}
static inline struct quota_limit quota_unlimited(void)
{
    return (struct quota_limit){false, 0};
}

struct quota_limits {
    struct quota_limit max_storage_bytes;
    struct quota_limit max_file_count;
    struct quota_limit max_file_size; /* bytes */
    struct quota_limit max_monthly_uploads;
};

/* What is done with old uploads; a day count that is not limited is not set. */
struct quota_lifecycle {
    struct quota_limit retention_days;
    struct quota_limit archive_threshold_days;
    bool auto_cleanup;
    const char *archive_storage_class; /* NULL: none */
};

struct quota {
    struct uuid workspace_id;
    struct quota_limits limits;
    struct quota_lifecycle lifecycle;
    uint64_t current_storage_bytes;
    uint64_t current_file_count;
    char monthly_period[TIME_PERIOD_SIZE]; /* the month that was asked about */
    uint64_t monthly_uploads;
    uint64_t monthly_upload_bytes;
    uint64_t reserved_bytes; /* by open sessions */
    uint64_t reserved_files;
};

/* What is left under a limit after usage and reservations; unlimited where the limit is. */
struct quota_limit quota_remaining_bytes(const struct quota *quota);
struct quota_limit quota_remaining_files(const struct quota *quota);
struct quota_limit quota_remaining_uploads(const struct quota *quota);

/* Makes the workspace's row. */
bool quota_insert(struct db *tx, struct uuid workspace_id, const struct quota_limits *limits,
                  int64_t now_us, struct error *err);
/* The quota as it is at NOW_US: a month that has passed reads as zero. ERR_NOT_FOUND without the
 * workspace. */
bool quota_read(struct db *db, struct uuid workspace_id, int64_t now_us, struct arena *mem,
                struct quota *out, struct error *err);
/* Sets limits and lifecycle; usage stays. ERR_NOT_FOUND. */
bool quota_set(struct db *tx, struct uuid workspace_id, const struct quota_limits *limits,
               const struct quota_lifecycle *lifecycle, int64_t now_us, struct error *err);

/*
 * Whether one more file of BYTES fits besides all usage and reservations. Pure. Fails with
 * ERR_FILE_TOO_LARGE, ERR_QUOTA_STORAGE, ERR_QUOTA_FILES or ERR_QUOTA_MONTHLY, checked in this
 * order, with the limit and what remains.
 */
bool quota_check_file(const struct quota *quota, uint64_t bytes, struct error *err);
/* Whether a session that has reserved HELD bytes may hold BYTES instead. Fails with
 * ERR_FILE_TOO_LARGE or ERR_QUOTA_STORAGE. */
bool quota_check_growth(const struct quota *quota, uint64_t held, uint64_t bytes,
                        struct error *err);

/* One more file of BYTES, uploaded at NOW_US. The caller has closed its session in the same
 * transaction. */
bool quota_charge(struct db *tx, struct uuid workspace_id, uint64_t bytes, int64_t now_us,
                  struct error *err);
/* One file of BYTES less. */
bool quota_release(struct db *tx, struct uuid workspace_id, uint64_t bytes, int64_t now_us,
                   struct error *err);

/* A workspace's figures beside the sums of its rows. */
struct quota_audit {
    struct uuid workspace_id;
    uint64_t current_storage_bytes, rows_storage_bytes;
    uint64_t current_file_count, rows_file_count;
};
/* Every workspace that has a quota row, live or deleted. */
bool quota_audit_all(struct db *db, struct arena *mem, struct quota_audit **out, size_t *count,
                     struct error *err);

#endif
