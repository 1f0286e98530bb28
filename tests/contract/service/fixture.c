#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalog/user.h"
#include "catalog/workspace.h"
#include "cli/options.h"
#include "db_fault.h"
#include "remove_tree.h"
#include "service/sweep.h"
#include "service/verify.h"
#include "store_fault.h"

#define WAV_HEAD_BYTES 44

/* ---- the app ---- */

static void app_up(struct service_fixture *f)
{
    struct app_options options = {.data = f->folder};
    struct error err;
    int used;

    check_ok(config_flag(f->config, "--media-processes=1", NULL, &used, &err));
    check_ok(app_open(f->config, &options, &f->app, &err));
    f->inner = f->app->stores[0];
    f->app->stores[0] = store_fault_new(f->inner);
    db_fault_wrap(f->app->database);
    check_ok(sweep_start(f->app, NULL, &err));
}

static void app_down(struct service_fixture *f)
{
    app_free(take(f->app));
    store_free(take(f->inner));
}

static void find_people(struct service_fixture *f)
{
    scoped(db_release) struct db *db = NULL;
    struct error err;

    check_ok(database_read(f->app->database, &db, &err));
    check_ok(workspace_only(db, &f->workspace, &err));
    check_ok(user_first(db, f->workspace, &f->user, &err));
}

int service_fixture_up(void **state)
{
    struct service_fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    /* In memory where there is such a folder: these tests are not about power loss. */
    sprintf(f->folder, "%s/service-contract-XXXXXX",
            access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(f->folder));
    f->config = config_new(configuration_options, configuration_option_count);
    f->mem = arena_new();
    app_up(f);
    find_people(f);
    *state = f;
    return 0;
}

int service_fixture_down(void **state)
{
    struct service_fixture *f = *state;

    app_down(f);
    config_free(f->config);
    arena_free(f->mem);
    remove_tree(f->folder);
    free(f);
    return 0;
}

void service_restart(struct service_fixture *f)
{
    app_down(f);
    app_up(f);
}

struct store *service_store(struct service_fixture *f)
{
    return f->app->stores[0];
}

/* ---- content ---- */

static void put_32(char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(value >> (8 * i));
}

const char *wav(struct service_fixture *f, size_t length, unsigned seed)
{
    static const char head[WAV_HEAD_BYTES + 1] =
        "RIFF\0\0\0\0WAVEfmt \20\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\20\0data\0\0\0\0";
    char *bytes = arena_alloc(f->mem, length);

    assert_true(length > WAV_HEAD_BYTES);
    memcpy(bytes, head, WAV_HEAD_BYTES);
    put_32(bytes + 4, (uint32_t)length - 8);
    put_32(bytes + 40, (uint32_t)length - WAV_HEAD_BYTES);
    for (size_t i = WAV_HEAD_BYTES; i < length; i++) {
        seed = seed * 1103515245 + 12345;
        bytes[i] = (char)(seed >> 16);
    }
    return bytes;
}

/* ---- sessions ---- */

struct resumable_request wish_of(struct service_fixture *f, enum session_kind kind, uint64_t size)
{
    return (struct resumable_request){.workspace_id = f->workspace,
                                      .user_id = f->user,
                                      .kind = kind,
                                      .filename = "take.wav",
                                      .size = size};
}

struct uuid begin(struct service_fixture *f, const struct resumable_request *wish)
{
    struct resumable_state state;
    struct error err;

    check_ok(resumable_begin(f->app, wish, f->mem, &state, &err));
    return state.session.id;
}

bool bring(struct service_fixture *f, struct uuid id, const char *content, struct part part,
           bool is_append, struct error *err)
{
    uint64_t length = part.end - part.start;
    struct memory_source body;
    struct resumable_write write = {.offset = part.start,
                                    .length = length,
                                    .is_append = is_append,
                                    .all_or_nothing = !is_append,
                                    .body = &body.base};
    struct resumable_state state;

    memory_source_init(&body, content + part.start, length);
    return resumable_write(f->app, f->workspace, id, &write, f->mem, &state, err);
}

void check_brought(struct service_fixture *f, struct uuid id, const char *content, uint64_t length)
{
    struct error err;

    check_ok(bring(f, id, content, (struct part){0, length}, true, &err));
}

struct resumable_state state_of(struct service_fixture *f, struct uuid id)
{
    struct resumable_state state;
    struct error err;

    check_ok(resumable_read(f->app, f->workspace, id, f->mem, &state, &err));
    return state;
}

bool is_gone(struct service_fixture *f, struct uuid id)
{
    struct resumable_state state;
    struct error err;

    if (resumable_read(f->app, f->workspace, id, f->mem, &state, &err))
        return false;
    assert_int_equal(err.kind, ERR_NOT_FOUND);
    return true;
}

/* ---- what adds up ---- */

struct quota quota_of(struct service_fixture *f)
{
    scoped(db_release) struct db *db = NULL;
    struct quota quota;
    struct error err;

    check_ok(database_read(f->app->database, &db, &err));
    check_ok(quota_read(db, f->workspace, app_now_us(f->app), f->mem, &quota, &err));
    return quota;
}

struct comparison {
    struct sink base;
    const char *expected;
    size_t left;
};

static bool compare(struct sink *base, const void *bytes, size_t length, struct error *err)
{
    struct comparison *comparison = container_of(base, struct comparison, base);

    (void)err;
    assert_true(length <= comparison->left);
    assert_memory_equal(bytes, comparison->expected, length);
    comparison->expected += length;
    comparison->left -= length;
    return true;
}

void check_upload(struct service_fixture *f, struct uuid id, const char *content, size_t length)
{
    struct comparison comparison = {.base.write = compare, .expected = content, .left = length};
    scoped(db_release) struct db *db = NULL;
    uint8_t hash[SHA256_BYTES];
    char hex[HEX_SIZE(SHA256_BYTES)];
    struct upload upload;
    struct error err;

    check_ok(database_read(f->app->database, &db, &err));
    check_ok(upload_by_id(db, f->workspace, id, f->mem, &upload, &err));
    sha256_of(content, length, hash);
    hex_encode(hash, sizeof hash, hex);
    assert_int_equal(upload.file_size, length);
    assert_string_equal(upload.checksum_sha256, hex);
    check_ok(store_get(service_store(f), upload.storage_path,
                       (struct byte_range){0, BYTE_RANGE_REST}, &comparison.base, &err));
    assert_int_equal(comparison.left, 0);
}

static void tell(void *context, const struct verify_finding *finding)
{
    (void)context;
    print_error("%s: %s\n", verify_problem_name(finding->problem), finding->key);
}

void check_all_adds_up(struct service_fixture *f, bool content)
{
    unsigned parts = VERIFY_QUOTA | VERIFY_STORES | (content ? VERIFY_CONTENT : 0u);
    struct verify_totals totals = {0};
    struct error err;

    check_ok(verify_run(f->app, parts, tell, NULL, &totals, &err));
    assert_int_equal(totals.problems, 0);
}

static bool count_one(void *context, const struct store_object *object)
{
    (void)object;
    ++*(size_t *)context;
    return true;
}

size_t stages_of(struct service_fixture *f)
{
    size_t count = 0;
    struct error err;

    check_ok(store_list_stages(service_store(f), count_one, &count, &err));
    return count;
}

size_t objects_of(struct service_fixture *f)
{
    size_t count = 0;
    struct error err;

    check_ok(store_list(service_store(f), "", NULL, count_one, &count, &err));
    return count;
}
