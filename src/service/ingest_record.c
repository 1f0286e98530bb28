#include <jansson.h>
#include <string.h>

#include "base/json_text.h"
#include "service/filename.h"
#include "service/ingest_state.h"

#define JSON_FLAGS (JSON_COMPACT | JSON_PRESERVE_ORDER)

/* ---- looking at the content ---- */

bool ingest_probe(struct ingest *ingest, struct arena *mem, struct media_facts *facts, bool *known,
                  struct error *err)
{
    enum accept_policy accept = ingest->app->settings.accept;
    int fd = ingest->stage ? stage_fd(ingest->stage) : ingest->object_fd;

    *facts = (struct media_facts){0};
    *known = false;
    if (fd < 0)
        return error_set(err, ERR_UNAVAILABLE, "stage cannot be read");
    if (media_probe(ingest->app->media, fd, ingest->received, ingest->session.filename, mem, facts,
                    err)) {
        *known = true;
        return true;
    }
    if (err->kind == ERR_NOT_AUDIO && facts->has_video && facts->codec && accept != ACCEPT_AUDIO) {
        *known = true; /* the audio of a video */
        return true;
    }
    return accept == ACCEPT_ANY &&
           (err->kind == ERR_NOT_AUDIO || err->kind == ERR_MEDIA_UNREADABLE);
}

/* ---- the record ---- */

static bool format_is_taken(const struct app *app, const char *file_type)
{
    struct str rest = str_from(app->settings.formats), part;

    if (!app->settings.formats)
        return true;
    while (str_split(&rest, ',', &part))
        if (str_equal_nocase(str_trim(part), file_type))
            return true;
    return false;
}

/* What the client said of the file when it began the session. */
static void add_said(json_t *object, const struct session *session)
{
    json_t *said = session->metadata ? json_loads(session->metadata, 0, NULL) : NULL;

    if (json_object_size(said) > 0)
        json_object_set(object, "upload_metadata", said);
    json_decref(said);
}

/* Metadata as the media process gave it, with what only the name and the client tell. */
static const char *metadata_of(const struct session *session, const struct media_facts *facts,
                               struct arena *mem)
{
    char extension[EXTENSION_MAX_BYTES + 1];
    json_t *object = facts ? json_loads(facts->metadata_json, 0, NULL) : json_object();
    char *text;
    const char *copy;

    if (!json_is_object(object)) {
        json_decref(object);
        object = json_object();
    }
    add_said(object, session);
    filename_extension(session->filename, extension);
    if (facts && !filename_suits_type(extension, facts->file_type))
        json_object_set_new(
            object, "name_mismatch",
            json_pack("{s:s, s:s}", "extension", extension, "content", facts->file_type));
    text = json_text_write(object, JSON_FLAGS);
    json_decref(object);
    if (!text)
        abort();
    copy = arena_strdup(mem, text);
    free(text);
    return copy;
}

static void describe_audio(const struct media_facts *facts, struct arena *mem,
                           struct upload *record)
{
    record->has_facts = true;
    record->duration_ms = facts->duration_ms;
    record->sample_rate_hz = facts->sample_rate_hz;
    record->channels = facts->channels;
    record->bitrate_kbps = facts->bitrate_kbps;
    record->codec = arena_strdup(mem, facts->codec);
    record->file_type = arena_strdup(mem, facts->file_type);
    record->mime_type = arena_strdup(mem, facts->mime_type);
}

static const char *hex_of(const void *bytes, size_t length, struct arena *mem)
{
    char *text = arena_alloc(mem, HEX_SIZE(length));

    hex_encode(bytes, length, text);
    return text;
}

static const char *extension_of(const char *name, struct arena *mem)
{
    char *extension = arena_alloc(mem, EXTENSION_MAX_BYTES + 1);

    filename_extension(name, extension);
    return extension;
}

bool ingest_describe(const struct ingest *ingest, const struct media_facts *facts,
                     const struct digests *digests, struct arena *mem, struct upload *record,
                     struct error *err)
{
    const struct session *session = &ingest->session;

    if (facts && !format_is_taken(ingest->app, facts->file_type))
        return error_tell(err, ERR_FORMAT, "%s is not among the formats taken here",
                          facts->file_type);
    *record = (struct upload){
        .id = session->upload_id,
        .workspace_id = session->workspace_id,
        .user_id = session->user_id,
        .original_filename = arena_strdup(mem, session->filename),
        .file_size = ingest->received,
        .original_size = ingest->received,
        .compression_type = "none",
        .metadata = metadata_of(session, facts, mem),
        .storage_class = "standard",
        .checksum_md5 = hex_of(digests->md5, MD5_BYTES, mem),
        .checksum_sha256 = hex_of(digests->sha256, SHA256_BYTES, mem),
        .status = UPLOAD_UPLOADED,
        .max_retries = 3,
    };
    if (facts) {
        describe_audio(facts, mem, record);
        return true;
    }
    record->file_type = extension_of(session->filename, mem);
    record->mime_type = session->declared_type ? arena_strdup(mem, session->declared_type)
                                               : "application/octet-stream";
    return true;
}
