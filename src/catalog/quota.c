#include "catalog/quota.h"

#include <string.h>

#include "catalog/rows.h"

/* ---- arithmetic ---- */

static struct quota_limit rest(struct quota_limit limit, uint64_t used, uint64_t reserved)
{
    uint64_t total = used + reserved;

    if (!limit.limited)
        return limit;
    return quota_limit_of(limit.value > total ? limit.value - total : 0);
}

struct quota_limit quota_remaining_bytes(const struct quota *quota)
{
    return rest(quota->limits.max_storage_bytes, quota->current_storage_bytes,
                quota->reserved_bytes);
}

struct quota_limit quota_remaining_files(const struct quota *quota)
{
    return rest(quota->limits.max_file_count, quota->current_file_count, quota->reserved_files);
}

struct quota_limit quota_remaining_uploads(const struct quota *quota)
{
    return rest(quota->limits.max_monthly_uploads, quota->monthly_uploads, quota->reserved_files);
}

static bool check_file_size(const struct quota *quota, uint64_t bytes, struct error *err)
{
    struct quota_limit most = quota->limits.max_file_size;

    if (!most.limited || bytes <= most.value)
        return true;
    error_tell(err, ERR_FILE_TOO_LARGE, "files of this workspace may have %llu bytes at most",
               (unsigned long long)most.value);
    return error_limit(err, most.value, most.value);
}

/* Without a quota there is still what sums of the catalog can hold. */
static bool check_storage(const struct quota *quota, uint64_t bytes, struct error *err)
{
    struct quota_limit most = quota->limits.max_storage_bytes, left;

    if (!most.limited || most.value > QUOTA_BYTES_MAX)
        most = quota_limit_of(QUOTA_BYTES_MAX);
    left = rest(most, quota->current_storage_bytes, quota->reserved_bytes);
    if (bytes <= left.value)
        return true;
    error_tell(err, ERR_QUOTA_STORAGE, "the workspace's storage quota leaves %llu of %llu bytes",
               (unsigned long long)left.value, (unsigned long long)most.value);
    return error_limit(err, most.value, left.value);
}

bool quota_check_file(const struct quota *quota, uint64_t bytes, struct error *err)
{
    struct quota_limit files = quota_remaining_files(quota);
    struct quota_limit uploads = quota_remaining_uploads(quota);

    if (!check_file_size(quota, bytes, err) || !check_storage(quota, bytes, err))
        return false;
    if (files.limited && files.value == 0) {
        error_tell(err, ERR_QUOTA_FILES, "the workspace may hold %llu files",
                   (unsigned long long)quota->limits.max_file_count.value);
        return error_limit(err, quota->limits.max_file_count.value, 0);
    }
    if (uploads.limited && uploads.value == 0) {
        error_tell(err, ERR_QUOTA_MONTHLY, "the workspace may take %llu uploads a month",
                   (unsigned long long)quota->limits.max_monthly_uploads.value);
        return error_limit(err, quota->limits.max_monthly_uploads.value, 0);
    }
    return true;
}

bool quota_check_growth(const struct quota *quota, uint64_t held, uint64_t bytes, struct error *err)
{
    struct quota without = *quota;

    without.reserved_bytes -= held < without.reserved_bytes ? held : without.reserved_bytes;
    return check_file_size(quota, bytes, err) && check_storage(&without, bytes, err);
}

/* ---- rows ---- */

static struct db_value limit_value(struct quota_limit limit)
{
    return db_int_or_null(limit.limited, (int64_t)limit.value);
}

static struct quota_limit limit_from_row(const struct db_rows *rows, int column)
{
    if (db_column_is_null(rows, column))
        return quota_unlimited();
    return quota_limit_of((uint64_t)db_column_int(rows, column));
}

bool quota_insert(struct db *tx, struct uuid workspace_id, const struct quota_limits *limits,
                  int64_t now_us, struct error *err)
{
    return db_execute(tx, SQL_QUOTA_INSERT,
                      DB_ARGS(db_uuid(workspace_id), limit_value(limits->max_storage_bytes),
                              limit_value(limits->max_file_count),
                              limit_value(limits->max_file_size),
                              limit_value(limits->max_monthly_uploads), db_time(now_us)),
                      NULL, err);
}

static struct quota from_row(const struct db_rows *rows, struct uuid workspace_id, int64_t now_us,
                             struct arena *mem)
{
    const char *period = db_column_text(rows, 6, mem);
    struct quota quota = {
        .workspace_id = workspace_id,
        .limits = {limit_from_row(rows, 0), limit_from_row(rows, 1), limit_from_row(rows, 2),
                   limit_from_row(rows, 3)},
        .current_storage_bytes = (uint64_t)db_column_int(rows, 4),
        .current_file_count = (uint64_t)db_column_int(rows, 5),
        .lifecycle = {.retention_days = limit_from_row(rows, 9),
                      .auto_cleanup = db_column_bool(rows, 10),
                      .archive_threshold_days = limit_from_row(rows, 11),
                      .archive_storage_class = db_column_text(rows, 12, mem)},
        .reserved_bytes = (uint64_t)db_column_int(rows, 13),
        .reserved_files = (uint64_t)db_column_int(rows, 14),
    };

    time_to_period(now_us, quota.monthly_period);
    if (strcmp(period, quota.monthly_period) == 0) {
        quota.monthly_uploads = (uint64_t)db_column_int(rows, 7);
        quota.monthly_upload_bytes = (uint64_t)db_column_int(rows, 8);
    }
    return quota;
}

bool quota_read(struct db *db, struct uuid workspace_id, int64_t now_us, struct arena *mem,
                struct quota *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_QUOTA_READ, DB_ARGS(db_uuid(workspace_id)), &rows, err) ||
        !db_one(rows, "workspace", err))
        return false;
    *out = from_row(rows, workspace_id, now_us, mem);
    return true;
}

bool quota_set(struct db *tx, struct uuid workspace_id, const struct quota_limits *limits,
               const struct quota_lifecycle *lifecycle, int64_t now_us, struct error *err)
{
    uint64_t changed;

    return db_execute(
               tx, SQL_QUOTA_SET,
               DB_ARGS(db_uuid(workspace_id), limit_value(limits->max_storage_bytes),
                       limit_value(limits->max_file_count), limit_value(limits->max_file_size),
                       limit_value(limits->max_monthly_uploads),
                       limit_value(lifecycle->retention_days), db_bool(lifecycle->auto_cleanup),
                       limit_value(lifecycle->archive_threshold_days),
                       db_text(lifecycle->archive_storage_class), db_time(now_us)),
               &changed, err) &&
           rows_touched(changed, "quota", err);
}

bool quota_charge(struct db *tx, struct uuid workspace_id, uint64_t bytes, int64_t now_us,
                  struct error *err)
{
    static const struct db_refusal gone = {ERR_NOT_FOUND, "there is no such quota"};
    char period[TIME_PERIOD_SIZE];

    time_to_period(now_us, period);
    return db_must(tx, SQL_QUOTA_CHARGE,
                   DB_ARGS(db_uuid(workspace_id), db_int(bytes), db_text(period), db_time(now_us)),
                   &gone, err);
}

bool quota_release(struct db *tx, struct uuid workspace_id, uint64_t bytes, int64_t now_us,
                   struct error *err)
{
    uint64_t changed;

    return db_execute(tx, SQL_QUOTA_RELEASE,
                      DB_ARGS(db_uuid(workspace_id), db_int(bytes), db_time(now_us)), &changed,
                      err) &&
           rows_touched(changed, "quota", err);
}

bool quota_audit_all(struct db *db, struct arena *mem, struct quota_audit **out, size_t *count,
                     struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct quota_audit *list = NULL;
    size_t n = 0, room = 0;

    if (!db_query(db, SQL_QUOTA_AUDIT, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(rows)) {
        if (n == room) {
            struct quota_audit *more = arena_array(mem, room = room ? 2 * room : 64, sizeof *more);

            if (n > 0)
                memcpy(more, list, n * sizeof *more);
            list = more;
        }
        list[n++] = (struct quota_audit){
            .workspace_id = db_column_uuid(rows, 0),
            .current_storage_bytes = (uint64_t)db_column_int(rows, 1),
            .current_file_count = (uint64_t)db_column_int(rows, 2),
            .rows_storage_bytes = (uint64_t)db_column_int(rows, 3),
            .rows_file_count = (uint64_t)db_column_int(rows, 4),
        };
    }
    return rows_listed(rows, list, n, (void **)out, count, err);
}
