#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/scoped.h"

static const struct {
    int status;
    const char *code;
    const char *words;
} kinds[] = {
#define X(kind, status, code, words) [kind] = {status, code, words},
    ERROR_KINDS(X)
#undef X
};

static void start(struct error *err, enum error_kind kind, const char *fmt, va_list args)
{
    *err = (struct error){.kind = kind};
    vsnprintf(err->log, sizeof err->log, fmt, args);
}

bool error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    start(err, kind, fmt, args);
    va_end(args);
    return false;
}

bool error_tell(struct error *err, enum error_kind kind, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    start(err, kind, fmt, args);
    va_end(args);
    snprintf(err->client, sizeof err->client, "%.*s", (int)sizeof err->client - 1, err->log);
    return false;
}

static enum error_kind kind_of_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return ERR_STORAGE_FULL;
    case ENOENT:
        return ERR_NOT_FOUND;
    case EEXIST:
        return ERR_EXISTS;
    case EROFS:
    case EIO:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EACCES:
    case EPERM:
    case ESTALE:
    case ENODEV:
        return ERR_UNAVAILABLE;
    default:
        return ERR_INTERNAL;
    }
}

bool error_errno(struct error *err, const char *fmt, ...)
{
    int number = errno;
    char reason[128];
    va_list args;
    size_t length;

    va_start(args, fmt);
    start(err, kind_of_errno(number), fmt, args);
    va_end(args);
    length = strlen(err->log);
    snprintf(err->log + length, sizeof err->log - length, ": %s",
             strerror_r(number, reason, sizeof reason));
    return false;
}

bool error_context(struct error *err, const char *fmt, ...)
{
    char cause[sizeof err->log];
    va_list args;
    size_t length;

    memcpy(cause, err->log, sizeof cause);
    va_start(args, fmt);
    vsnprintf(err->log, sizeof err->log, fmt, args);
    va_end(args);
    length = strlen(err->log);
    snprintf(err->log + length, sizeof err->log - length, ": %s", cause);
    return false;
}

bool error_client(struct error *err, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(err->client, sizeof err->client, fmt, args);
    va_end(args);
    return false;
}

bool error_limit(struct error *err, uint64_t limit, uint64_t remaining)
{
    err->has_limit = true;
    err->limit = limit;
    err->remaining = remaining;
    return false;
}

bool error_upload(struct error *err, struct uuid upload_id)
{
    err->has_upload = true;
    err->upload_id = upload_id;
    return false;
}

int error_status(const struct error *err)
{
    return kinds[err->kind].status;
}

const char *error_code(const struct error *err)
{
    return kinds[err->kind].code;
}

const char *error_detail(const struct error *err)
{
    return err->client[0] ? err->client : kinds[err->kind].words;
}

bool error_kind_at(unsigned index, enum error_kind *kind, int *status, const char **code,
                   const char **words)
{
    if (index >= COUNT_OF(kinds))
        return false;
    *kind = (enum error_kind)index;
    *status = kinds[index].status;
    *code = kinds[index].code;
    *words = kinds[index].words;
    return true;
}
