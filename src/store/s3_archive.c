/* What a provider says of objects that are archived. Pure. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "store/s3.h"

/* Amazon's, and those of who took them over. GLACIER_IR can be read at once. */
static bool is_archive(const char *storage_class)
{
    return strcmp(storage_class, "GLACIER") == 0 || strcmp(storage_class, "DEEP_ARCHIVE") == 0;
}

/* ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT" */
static int64_t expiry_of(const char *restore)
{
    static const char name[] = "expiry-date=\"";
    const char *start = strstr(restore, name);
    int64_t at_us;

    if (!start)
        return 0;
    start += sizeof name - 1;
    return time_from_http((struct str){start, strcspn(start, "\"")}, &at_us) ? at_us : 0;
}

void s3_read_availability(const struct s3_store *self, const struct s3_reply *reply,
                          struct store_object *out)
{
    const char *storage_class = *reply->storage_class ? reply->storage_class : "STANDARD";

    snprintf(out->storage_class, sizeof out->storage_class, "%s", storage_class);
    out->available_until_us = 0;
    if (strstr(reply->restore, "ongoing-request=\"true\"")) {
        out->availability = STORE_RESTORING;
    } else if (strstr(reply->restore, "ongoing-request=\"false\"")) {
        out->availability = STORE_RESTORED;
        out->available_until_us = expiry_of(reply->restore);
    } else {
        out->availability = self->settings.has_archives && is_archive(storage_class)
                                ? STORE_ARCHIVED
                                : STORE_AT_HAND;
    }
}
