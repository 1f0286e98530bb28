/* What is sent again after its session was published: nothing of it is written, but whoever sends
 * other bytes, or digests that do not hold, is told. */
#include <assert.h>
#include <string.h>

#include "service/hasher.h"
#include "service/object_reader.h"
#include "service/resumable_state.h"

struct comparison {
    const struct resumable_write *write;
    const struct live_turn *turn;
    struct object_reader *object; /* NULL: there is nothing to compare with */
    uint64_t at, end;
    char *sent; /* HASHER_BLOCK_BYTES */
};

static void comparison_release(struct comparison *comparison)
{
    object_reader_free(comparison->object);
    free(comparison->sent);
}

/* ---- the object ---- */

/* Where the bytes stand as they were sent, if they do. */
struct location {
    const char *storage_name, *storage_path; /* NULL: nowhere */
    uint64_t size;
};

static bool find_location(struct app *app, const struct session *session, struct arena *mem,
                          struct location *out, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct upload upload;

    *out = (struct location){session->storage_name, session->storage_path, session->file_size};
    if (session->status != SESSION_COMPLETED) /* published, and to be finished */
        return true;
    if (session->concatenation == SESSION_PARTIAL) { /* it lies somewhere in its final */
        out->storage_path = NULL;
        return true;
    }
    if (!database_read(app->database, &db, err) ||
        !upload_by_id(db, session->workspace_id, session->upload_id, mem, &upload, err))
        return false;
    out->storage_name = upload.storage_name;
    out->storage_path = upload.has_compressed_size ? NULL : upload.storage_path;
    return true;
}

/* An object that has gone, is damaged or archived is not this request's affair. */
static bool open_object(struct app *app, const struct session *session, struct arena *mem,
                        struct object_reader **out, struct error *err)
{
    struct location location;
    struct store *store;

    if (!find_location(app, session, mem, &location, err))
        return false;
    if (!location.storage_path)
        return true;
    if (!app_find_store(app, location.storage_name, &store, err) ||
        !object_reader_open(store, location.storage_path, out, err))
        return false;
    if (*out && object_reader_size(*out) != location.size)
        object_reader_free(take(*out));
    return true;
}

/* ---- the bytes ---- */

static bool is_same(struct comparison *comparison, size_t length, struct error *err)
{
    const char *stored;

    for (size_t done = 0, got; comparison->object && done < length; done += got) {
        if (!object_reader_read(comparison->object, comparison->at + done, comparison->end, &stored,
                                &got, err))
            return false;
        if (got > length - done)
            got = length - done;
        if (memcmp(comparison->sent + done, stored, got) != 0)
            return error_set(err, ERR_BYTES_DIFFER,
                             "other bytes were received at this place before");
    }
    return true;
}

static bool take_block(struct comparison *comparison, size_t length, struct error *err)
{
    const struct resumable_write *write = comparison->write;

    if (length > comparison->end - comparison->at)
        return error_tell(err, ERR_INVALID, "more content came than was declared");
    for (size_t i = 0; i < RESUMABLE_CHECKS; i++)
        if (write->checks[i])
            checksum_update(write->checks[i], comparison->sent, length);
    if (!is_same(comparison, length, err))
        return false;
    comparison->at += length;
    return true;
}

static bool receive(struct comparison *comparison, struct error *err)
{
    const struct resumable_write *write = comparison->write;
    size_t length;

    do {
        if (!write->body->read(write->body, comparison->sent, HASHER_BLOCK_BYTES, &length, err))
            return atomic_load(&comparison->turn->is_cut) ? live_cut(comparison->turn, err) : false;
        if (!take_block(comparison, length, err))
            return false;
    } while (length > 0);
    return write->length == RESUMABLE_REST || comparison->at == comparison->end ||
           error_tell(err, ERR_INCOMPLETE, "the content ended after %llu of %llu bytes",
                      (unsigned long long)(comparison->at - write->offset),
                      (unsigned long long)write->length);
}

/* ---- the digests ---- */

/* That of the bytes sent, which are the object's. */
static bool check_late(struct comparison *comparison, struct error *err)
{
    const struct resumable_write *write = comparison->write;
    scoped(checksum_release) struct checksum *late = NULL;
    const char *stored;
    size_t got;

    if (!write->late_check || !comparison->object)
        return true;
    if (!write->late_check(write->context, &late, err))
        return false;
    for (uint64_t from = write->offset; late && from < comparison->at; from += got) {
        if (!object_reader_read(comparison->object, from, comparison->at, &stored, &got, err))
            return false;
        checksum_update(late, stored, got);
    }
    return !late || checksum_holds(late) ||
           error_set(err, ERR_CHECKSUM, "the checksum behind the part");
}

static bool check(struct comparison *comparison, struct error *err)
{
    for (size_t i = 0; i < RESUMABLE_CHECKS; i++)
        if (comparison->write->checks[i] && !checksum_holds(comparison->write->checks[i]))
            return error_set(err, ERR_CHECKSUM, "the checksum of the part");
    return check_late(comparison, err);
}

bool resumable_compare(struct app *app, const struct session *session,
                       const struct resumable_write *write, const struct live_turn *turn,
                       struct arena *mem, struct error *err)
{
    scoped(comparison_release) struct comparison comparison = {
        .write = write,
        .turn = turn,
        .at = write->offset,
        .end = write->length == RESUMABLE_REST ? session->file_size : write->offset + write->length,
        .sent = malloc(HASHER_BLOCK_BYTES)};

    assert(comparison.sent);
    return open_object(app, session, mem, &comparison.object, err) && receive(&comparison, err) &&
           check(&comparison, err);
}
