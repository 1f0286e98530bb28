#include "fixture.h"

#include <ftw.h>
#include <unistd.h>

#include "base/fs.h"
#include "catalog/garbage.h"
#include "catalog/upload.h"
#include "catalog/user.h"
#include "catalog/workspace.h"
#include "cli/configuration.h"
#include "service/resumable.h"

#define CONTENT "bytes"
#define TWO_STORES                                                                      \
    "[store \"main\"]\nprovider = local\npath = %s/main\n[store \"cold\"]\nprovider = " \
    "local\npath = %s/cold\n"

const char *app_fixture_path(struct app_fixture *f, const char *name)
{
    return arena_printf(f->mem, "%s/%s", f->folder, name);
}

static bool find_first(struct app_fixture *f)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(f->app->database, &db, &f->err) &&
           workspace_only(db, &f->workspace_id, &f->err) &&
           user_first(db, f->workspace_id, &f->user_id, &f->err);
}

bool app_fixture_reopen(struct app_fixture *f, const char *text)
{
    struct app_options options = {.data = f->folder, .without_media = true};
    const char *path = app_fixture_path(f, "config");

    if (!text)
        text = arena_printf(f->mem, TWO_STORES, f->folder, f->folder);
    app_free(take(f->app));
    config_free(f->config);
    f->config = configuration_new();
    return fs_write_file(path, text, strlen(text), 0600, &f->err) &&
           config_file(f->config, path, &f->err) &&
           app_open(f->config, &options, &f->app, &f->err) && find_first(f);
}

int app_fixture_set_up(void **state)
{
    struct app_fixture *f = calloc(1, sizeof *f);

    f->mem = arena_new();
    snprintf(f->folder, sizeof f->folder, "/tmp/service-XXXXXX");
    *state = f;
    if (mkdtemp(f->folder) && app_fixture_reopen(f, NULL))
        return 0;
    print_error("%s\n", f->err.log);
    return -1;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

int app_fixture_tear_down(void **state)
{
    struct app_fixture *f = *state;

    app_free(f->app);
    config_free(f->config);
    nftw(f->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    arena_free(f->mem);
    free(f);
    return 0;
}

/* ---- what goes into it ---- */

static bool insert_record(struct db *tx, void *context, struct error *err)
{
    const struct upload *record = context;

    return upload_insert(tx, record, err) &&
           quota_charge(tx, record->workspace_id, record->file_size, record->uploaded_at_us, err);
}

struct uuid app_fixture_add(struct app_fixture *f, const char *store, const char *key,
                            bool recorded)
{
    struct memory_source content;
    struct upload record = {.id = app_new_id(f->app),
                            .workspace_id = f->workspace_id,
                            .user_id = f->user_id,
                            .original_filename = "a.wav",
                            .file_size = strlen(CONTENT),
                            .original_size = strlen(CONTENT),
                            .file_type = "wav",
                            .mime_type = "audio/wav",
                            .metadata = "{}",
                            .storage_provider = "local",
                            .storage_name = store,
                            .storage_class = "standard",
                            .storage_path = key,
                            .checksum_md5 = "",
                            .checksum_sha256 = "",
                            .compression_type = "none",
                            .uploaded_at_us = app_now_us(f->app),
                            .updated_at_us = app_now_us(f->app)};

    memory_source_init(&content, CONTENT, strlen(CONTENT));
    assert_ok(f, store_put(app_store(f->app, store), "put", key, &content.base, strlen(CONTENT),
                           &f->err));
    if (recorded)
        assert_ok(f, database_write(f->app->database, insert_record, &record, &f->err));
    return record.id;
}

static bool insert_garbage(struct db *tx, void *context, struct error *err)
{
    return garbage_add(tx, context, err);
}

void app_fixture_add_garbage(struct app_fixture *f, const char *store, const char *key)
{
    struct garbage garbage = {.id = app_new_id(f->app),
                              .storage_name = store,
                              .storage_path = key,
                              .bytes = strlen(CONTENT),
                              .reason = "test"};

    app_fixture_add(f, store, key, false);
    assert_ok(f, database_write(f->app->database, insert_garbage, &garbage, &f->err));
}

bool app_fixture_has(struct app_fixture *f, const char *store, const char *key)
{
    struct store_object object;

    return store_head(app_store(f->app, store), key, &object, &f->err);
}

bool app_fixture_begin_post(struct db *tx, void *context, struct error *err)
{
    struct app_fixture *f = context;
    struct session session = {.id = {{7}},
                              .workspace_id = f->workspace_id,
                              .user_id = f->user_id,
                              .upload_id = {{8}},
                              .kind = SESSION_POST,
                              .filename = "a.wav",
                              .file_size = 1,
                              .reserved_bytes = 1,
                              .storage_name = "main",
                              .storage_path = "b",
                              .created_at_us = 1,
                              .expires_at_us = INT64_MAX};

    return session_begin(tx, &session, err);
}

struct uuid app_fixture_begin(struct app_fixture *f)
{
    struct resumable_request request = {.workspace_id = f->workspace_id,
                                        .user_id = f->user_id,
                                        .kind = SESSION_TUS,
                                        .filename = "a.wav",
                                        .size = 100};
    struct resumable_state state = {0};

    assert_ok(f, resumable_begin(f->app, &request, f->mem, &state, &f->err));
    return state.session.id;
}
