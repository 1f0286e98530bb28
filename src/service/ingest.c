#include "service/ingest.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "catalog/idempotency.h"
#include "catalog/session.h"
#include "service/filename.h"
#include "service/hasher.h"
#include "service/ingest_commit.h"
#include "service/ingest_state.h"

/* The first bytes that are kept to be looked at. */
#define SNIFF_BYTES 4096

static bool declared_type_may_be_audio(const char *type)
{
    static const char *const vague[] = {"application/octet-stream", "binary/octet-stream",
                                        "application/ogg",          "application/x-flac",
                                        "application/mp4",          "application/x-matroska"};

    if (!type || strncmp(type, "audio/", 6) == 0 || strncmp(type, "video/", 6) == 0)
        return true;
    for (size_t i = 0; i < COUNT_OF(vague); i++)
        if (strcmp(type, vague[i]) == 0)
            return true;
    return false;
}

/* What can be refused before there is a session. */
static bool check_request(struct app *app, const struct ingest_request *request, struct arena *mem,
                          const char **name, struct error *err)
{
    uint64_t most = app->settings.max_file_size_bytes;

    if (!filename_check(str_from(request->filename), mem, name, err))
        return false;
    if (app->settings.accept != ACCEPT_ANY && !declared_type_may_be_audio(request->declared_type))
        return error_tell(err, ERR_NOT_AUDIO, "content of type %.100s is not taken here",
                          request->declared_type);
    if (request->size == 0)
        return error_tell(err, ERR_EMPTY, "the file is empty");
    if (most > 0 && request->size != INGEST_SIZE_UNKNOWN && request->size > most) {
        error_tell(err, ERR_FILE_TOO_LARGE, "the file is larger than %llu bytes",
                   (unsigned long long)most);
        return error_limit(err, most, most);
    }
    return true;
}
