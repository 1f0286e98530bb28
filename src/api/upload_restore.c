/* Asking the provider for what it has archived. */
#include "api/members.h"
#include "api/resources.h"
#include "api/views.h"
#include "service/archive.h"

struct restore_wish {
    unsigned days; /* 0: as usual */
    const char *tier;
};

/* TIER lives as long as BODY. */
static bool read_wish(const json_t *body, struct restore_wish *out, struct error *err)
{
    struct member_value days = {0}, tier = {0};
    const struct member table[] = {
        {"days", MEMBER_COUNT, false, false, 1, ARCHIVE_DAYS_MAX, &days},
        {"tier", MEMBER_TEXT, false, true, 1, ARCHIVE_TIER_MAX, &tier},
    };

    if (!members_take(body, table, COUNT_OF(table), err))
        return false;
    out->days = days.given ? (unsigned)days.count : 0;
    out->tier = tier.given && !tier.null ? tier.text : NULL;
    return true;
}

bool post_upload_restore(struct request *req, const struct caller *who, struct response *res,
                         struct error *err)
{
    scoped(members_release) json_t *body = NULL;
    struct restore_wish wish = {0};
    struct store_object object;
    struct upload upload;

    if (!endpoint_upload(req, who, &upload, err) || !members_read(req, true, &body, err) ||
        !read_wish(body, &wish, err))
        return false;
    if (upload.status == UPLOAD_DELETED)
        return error_tell(err, ERR_NOT_FOUND, "the upload is in the trash");
    return archive_restore(req->app, &upload, wish.days, wish.tier, err) &&
           archive_look(req->app, &upload, &object, err) &&
           view_answer_stored_upload(res, 202, &upload, &object, err);
}
