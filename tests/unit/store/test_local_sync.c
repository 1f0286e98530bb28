/*
 * What reaches stable storage in which order, and what is left when any one system call fails. A
 * power loss cannot be made here; that every change is synced before the answer can be seen.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call_watch.h"
#include "fixture.h"

#define CALLS_MAX 200
#define NONE SIZE_MAX

/* The first call NAME on PATH (below the store's folder) from index FROM on. */
static size_t find(struct store_fixture *f, const char *name, const char *path, size_t from)
{
    char whole[512];

    snprintf(whole, sizeof whole, "%s%s%s", f->folder, *path ? "/" : "", path);
    for (size_t i = from; i < watch_count(); i++)
        if (strcmp(watch_at(i)->name, name) == 0 && strcmp(watch_at(i)->path, whole) == 0)
            return i;
    return NONE;
}

static size_t count_calls(const char *name)
{
    size_t found = 0;

    for (size_t i = 0; i < watch_count(); i++)
        found += strcmp(watch_at(i)->name, name) == 0;
    return found;
}

static void assert_synced_in_order(struct store_fixture *f, const char *id, const char *folder,
                                   const char *name)
{
    char staged[64];
    char key[64];

    snprintf(staged, sizeof staged, ".staging/%s", id);
    snprintf(key, sizeof key, "%s/%s", folder, name);
    size_t content = find(f, "fdatasync", staged, 0);
    size_t renamed = find(f, "renameat2", key, 0);
    assert_true(content != NONE && renamed != NONE);
    assert_true(content < renamed);
    assert_int_equal(find(f, "pwrite64", staged, content), NONE);
    assert_true(find(f, "fsync", folder, renamed) != NONE);
}

static void assert_made_and_synced(struct store_fixture *f, const char *folder, const char *above)
{
    size_t made = find(f, "mkdirat", folder, 0);

    assert_true(made != NONE);
    assert_true(find(f, "fsync", above, made) != NONE);
}

static void content_then_name_then_folders(void **state)
{
    struct store_fixture *f = *state;

    watch_start();
    assert_ok(f, put_text(f->store, "s", "uploads/u/d/k", "text", &f->err));
    assert_synced_in_order(f, "s", "uploads/u/d", "k");
    assert_made_and_synced(f, "uploads", "");
    assert_made_and_synced(f, "uploads/u", "uploads");
    assert_made_and_synced(f, "uploads/u/d", "uploads/u");
}

static void a_known_folder_costs_one_sync(void **state)
{
    struct store_fixture *f = *state;

    assert_ok(f, put_text(f->store, "one", "uploads/u/d/1", "text", &f->err));
    watch_start();
    assert_ok(f, put_text(f->store, "two", "uploads/u/d/2", "text", &f->err));
    assert_synced_in_order(f, "two", "uploads/u/d", "2");
    assert_int_equal(count_calls("fdatasync"), 1);
    assert_int_equal(count_calls("fsync"), 1);
    assert_int_equal(count_calls("mkdirat"), 0);
    assert_int_equal(watch_count(), 6); /* openat, pwrite, fdatasync, openat2, renameat2, fsync */
}

/* Another process may have made the folder a moment ago, and its name not be durable. */
static void a_strangers_folder_is_synced_all_the_way(void **state)
{
    struct store_fixture *f = *state;
    char path[512];

    assert_ok(f, put_text(f->store, "one", "a/b/k", "text", &f->err));
    assert_ok(f, store_remove(f->store, "a/b/k", &f->err));
    snprintf(path, sizeof path, "%s/a", f->folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/a/b", f->folder);
    assert_int_equal(mkdir(path, 0700), 0);
    watch_start();
    assert_ok(f, put_text(f->store, "two", "a/b/k", "text", &f->err));
    assert_true(find(f, "fsync", "", 0) != NONE);
    assert_true(find(f, "fsync", "a", 0) != NONE);
    assert_true(find(f, "fsync", "a/b", find(f, "renameat2", "a/b/k", 0)) != NONE);
}

static void a_sync_covers_the_stages_name_once(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = NULL;

    watch_start();
    assert_ok(f, store_stage_create(f->store, "s", 4, &stage, &f->err));
    assert_ok(f, stage_write(stage, 0, "text", 4, &f->err));
    assert_int_equal(count_calls("fsync") + count_calls("fdatasync"), 0);
    assert_ok(f, stage_sync(stage, &f->err));
    assert_true(find(f, "fdatasync", ".staging/s", 0) != NONE);
    assert_true(find(f, "fsync", ".staging", 0) != NONE);
    assert_ok(f, stage_sync(stage, &f->err));
    assert_int_equal(count_calls("fdatasync"), 2);
    assert_int_equal(count_calls("fsync"), 1);
}

static void a_removal_syncs_what_is_left(void **state)
{
    struct store_fixture *f = *state;

    assert_ok(f, put_text(f->store, "1", "a/b/1", "text", &f->err));
    assert_ok(f, put_text(f->store, "2", "a/b/2", "text", &f->err));
    watch_start();
    assert_ok(f, store_remove(f->store, "a/b/1", &f->err));
    assert_true(find(f, "fsync", "a/b", find(f, "unlinkat", "a/b/1", 0)) != NONE);
    watch_start();
    assert_ok(f, store_remove(f->store, "a/b/2", &f->err));
    assert_true(find(f, "fsync", "", find(f, "unlinkat", "a", 0)) != NONE);
    watch_start();
    assert_ok(f, store_remove(f->store, "a/b/2", &f->err));
    assert_int_equal(count_calls("fsync"), 1);
}

static void a_new_store_is_durable(void **state)
{
    struct store_fixture *f = *state;
    struct store_config config = {.name = "new", .provider = "local"};
    scoped(store_release) struct store *store = NULL;
    char path[512];

    snprintf(path, sizeof path, "%s/new", f->folder);
    config.path = path;
    watch_start();
    assert_ok(f, store_open(&config, true, &store, &f->err));
    assert_true(find(f, "fsync", "", 0) != NONE);
    size_t named = find(f, "renameat2", "new/.audiotricks-store", 0);
    assert_true(named != NONE);
    assert_true(find(f, "fsync", "new", named) != NONE);
}

/* ---- failures ---- */

static void an_unsynced_name_is_taken_back(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = NULL;

    assert_ok(f, put_text(f->store, "1", "a/1", "text", &f->err));
    assert_ok(f, store_stage_create(f->store, "s", 4, &stage, &f->err));
    assert_ok(f, stage_write(stage, 0, "text", 4, &f->err));
    watch_start();
    watch_fail_call("fsync", 0, EIO);
    assert_refused(f, ERR_UNAVAILABLE, stage_publish(stage, 4, "a/k", &f->err));
    assert_true(watch_failed());
    assert_absent(f->store, "a/k");
    assert_ok(f, stage_publish(stage, 4, "a/k", &f->err));
    assert_object(f->store, "a/k", "text");
}

static void lost_writes_are_not_forgotten(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = NULL;

    assert_ok(f, store_stage_create(f->store, "s", 4, &stage, &f->err));
    assert_ok(f, stage_write(stage, 0, "text", 4, &f->err));
    watch_start();
    watch_fail_call("fdatasync", 0, EIO);
    assert_refused(f, ERR_UNAVAILABLE, stage_sync(stage, &f->err));
    assert_refused(f, ERR_UNAVAILABLE, stage_sync(stage, &f->err));
    assert_refused(f, ERR_UNAVAILABLE, stage_publish(stage, 4, "k", &f->err));
    assert_absent(f->store, "k");
}

static void early_writeback_reports_losses(void **state)
{
    struct store_fixture *f = *state;
    scoped(memory_free) char *bytes = pattern((size_t)9 << 20, 1);
    scoped(stage_release) struct stage *stage = NULL;

    assert_ok(f, store_stage_create(f->store, "s", STAGE_SIZE_UNKNOWN, &stage, &f->err));
    watch_start();
    watch_fail_call("sync_file_range", 0, EIO);
    assert_refused(f, ERR_UNAVAILABLE, stage_write(stage, 0, bytes, (size_t)9 << 20, &f->err));
    assert_refused(f, ERR_UNAVAILABLE, stage_publish(stage, (uint64_t)9 << 20, "k", &f->err));
    assert_absent(f->store, "k");
}

/* Writeback starts with each window, and no more than four are ever on their way. */
static void early_writeback_keeps_up(void **state)
{
    struct store_fixture *f = *state;
    scoped(memory_free) char *bytes = pattern((size_t)1 << 20, 1);
    scoped(stage_release) struct stage *stage = NULL;

    assert_ok(f, store_stage_create(f->store, "s", STAGE_SIZE_UNKNOWN, &stage, &f->err));
    watch_start();
    for (uint64_t i = 0; i < 32; i++)
        assert_ok(f, stage_write(stage, i << 20, bytes, (size_t)1 << 20, &f->err));
    assert_int_equal(count_calls("sync_file_range"), 16 + 12); /* begun; waited for */
    watch_start();
    watch_fail_call("sync_file_range", -1, ENOSYS);
    for (uint64_t i = 32; i < 48; i++)
        assert_ok(f, stage_write(stage, i << 20, bytes, (size_t)1 << 20, &f->err));
    assert_ok(f, stage_publish(stage, (uint64_t)48 << 20, "k", &f->err));
}

/* So it is with what others write. */
static void early_writeback_of_what_others_write(void **state)
{
    struct store_fixture *f = *state;
    scoped(memory_free) char *bytes = pattern((size_t)1 << 20, 1);
    scoped(stage_release) struct stage *stage = NULL;
    int fd;

    assert_ok(f, store_stage_create(f->store, "s", STAGE_SIZE_UNKNOWN, &stage, &f->err));
    fd = stage_writable_fd(stage);
    watch_start();
    for (off_t i = 0; i < 32; i++) {
        assert_int_equal(pwrite(fd, bytes, (size_t)1 << 20, i << 20), (ssize_t)1 << 20);
        assert_ok(f, stage_written(stage, (uint64_t)(i + 1) << 20, &f->err));
    }
    assert_int_equal(count_calls("sync_file_range"), 16 + 12);
    watch_start();
    watch_fail_call("sync_file_range", 0, EIO);
    assert_refused(f, ERR_UNAVAILABLE, stage_written(stage, (uint64_t)34 << 20, &f->err));
    assert_refused(f, ERR_UNAVAILABLE, stage_publish(stage, (uint64_t)32 << 20, "k", &f->err));
}

static void whole_or_absent(struct store_fixture *f, const char *key, const char *text)
{
    struct store_object object;

    if (store_head(f->store, key, &object, &f->err))
        assert_object(f->store, key, text);
    else
        assert_int_equal(f->err.kind, ERR_NOT_FOUND);
}

static void any_failing_call_leaves_nothing_or_all(void **state)
{
    static const int causes[] = {EIO, ENOSPC, EDQUOT, EROFS, EMFILE, EACCES};
    struct store_fixture *f = *state;

    for (size_t c = 0; c < COUNT_OF(causes); c++) {
        for (int nth = 0;; nth++) {
            char key[64];
            assert_true(nth < CALLS_MAX);
            snprintf(key, sizeof key, "uploads/%zu/%d/k", c, nth);
            watch_start();
            watch_fail(nth, causes[c]);
            bool put = put_text(f->store, "s", key, key, &f->err);
            bool struck = watch_failed();
            enum error_kind kind = f->err.kind;
            watch_start();
            if (!put) {
                bool full = causes[c] == ENOSPC || causes[c] == EDQUOT;
                assert_int_equal(kind, full ? ERR_STORAGE_FULL : ERR_UNAVAILABLE);
                assert_absent(f->store, key);
                assert_ok(f, store_stage_discard(f->store, "s", &f->err));
                assert_ok(f, put_text(f->store, "s", key, key, &f->err));
            }
            assert_object(f->store, key, key);
            if (put && !struck)
                break;
        }
    }
    assert_int_equal(count_stages(f->store), 0);
}

static void any_failing_call_leaves_a_removal_to_retry(void **state)
{
    struct store_fixture *f = *state;

    for (int nth = 0;; nth++) {
        assert_true(nth < CALLS_MAX);
        assert_ok(f, put_text(f->store, "s", "a/b/k", "text", &f->err));
        watch_start();
        watch_fail(nth, EIO);
        bool removed = store_remove(f->store, "a/b/k", &f->err);
        bool struck = watch_failed();
        watch_start();
        if (!removed) {
            assert_int_equal(f->err.kind, ERR_UNAVAILABLE);
            whole_or_absent(f, "a/b/k", "text");
            assert_ok(f, store_remove(f->store, "a/b/k", &f->err));
        }
        assert_absent(f->store, "a/b/k");
        if (!struck)
            break;
    }
}

/* ---- systems that lack something ---- */

static void without_rename_noreplace(void **state)
{
    struct store_fixture *f = *state;

    watch_start();
    watch_fail_call("renameat2", -1, EINVAL);
    assert_ok(f, put_text(f->store, "s", "a/k", "old", &f->err));
    assert_object(f->store, "a/k", "old");
    assert_refused(f, ERR_EXISTS, put_text(f->store, "s", "a/k", "new", &f->err));
    assert_object(f->store, "a/k", "old");
    assert_int_equal(count_stages(f->store), 0);
}

/* A crash between link and unlink leaves the object's bytes under the stage's name. */
static void a_second_name_is_no_stage(void **state)
{
    struct store_fixture *f = *state;
    struct stage *stage = NULL;
    char from[512];
    char to[512];

    assert_ok(f, put_text(f->store, "s", "k", "text", &f->err));
    snprintf(from, sizeof from, "%s/k", f->folder);
    snprintf(to, sizeof to, "%s/.staging/s", f->folder);
    assert_int_equal(link(from, to), 0);
    assert_refused(f, ERR_NOT_FOUND, store_stage_open(f->store, "s", &stage, &f->err));
    assert_ok(f, store_stage_discard(f->store, "s", &f->err));
    assert_object(f->store, "k", "text");
}

static void without_openat2(void **state)
{
    struct store_fixture *f = *state;
    struct store_object object;
    char link[512];

    assert_ok(f, put_text(f->store, "s", "a/b/k", "text", &f->err));
    snprintf(link, sizeof link, "%s/c", f->folder);
    assert_int_equal(symlink("a", link), 0);
    watch_start();
    watch_fail_call("openat2", -1, ENOSYS);
    assert_ok(f, put_text(f->store, "s", "a/b/l", "more", &f->err));
    assert_object(f->store, "a/b/k", "text");
    assert_object(f->store, "a/b/l", "more");
    assert_absent(f->store, "a/none/l");
    assert_refused(f, ERR_UNAVAILABLE, store_head(f->store, "c/b/k", &object, &f->err));
    assert_ok(f, store_remove(f->store, "a/b/k", &f->err));
    assert_ok(f, store_remove(f->store, "a/b/l", &f->err));
    assert_absent(f->store, "a/b/k");
}

static void without_fallocate(void **state)
{
    struct store_fixture *f = *state;
    scoped(memory_free) char *bytes = calloc(1, 8 << 20);
    struct stage *stage = NULL;

    watch_start();
    watch_fail_call("fallocate64", -1, EOPNOTSUPP);
    assert_ok(f, store_stage_create(f->store, "fits", 8 << 20, &stage, &f->err));
    assert_ok(f, stage_write(stage, 0, bytes, 8 << 20, &f->err));
    stage_free(take(stage));
    assert_int_equal(count_stages(f->store), 1);
}

static uint64_t blocks_of(const struct store_fixture *f, const char *id)
{
    struct stat st;
    char path[512];

    snprintf(path, sizeof path, "%s/.staging/%s", f->folder, id);
    assert_int_equal(stat(path, &st), 0);
    return (uint64_t)st.st_blocks * 512;
}

/* Who only says that much will come must not take the disk from those who send. */
static void a_promise_holds_no_room(void **state)
{
    struct store_fixture *f = *state;
    scoped(memory_free) char *bytes = calloc(1, 6 << 20);
    struct stage *stage = NULL;
    uint64_t free_bytes, total_bytes;

    assert_ok(f, store_space(f->store, &free_bytes, &total_bytes, &f->err));
    assert_true(free_bytes < total_bytes);
    assert_refused(f, ERR_STORAGE_FULL,
                   store_stage_create(f->store, "huge", total_bytes, &stage, &f->err));
    assert_int_equal(count_stages(f->store), 0);
    assert_ok(f, store_stage_create(f->store, "large", free_bytes / 2, &stage, &f->err));
    assert_true(blocks_of(f, "large") < 1 << 20);
    assert_ok(f, stage_write(stage, 0, bytes, 6 << 20, &f->err));
    assert_ok(f, stage_sync(stage, &f->err));
    assert_true(blocks_of(f, "large") <= 2 * (6 << 20) + (1 << 20));
    stage_free(take(stage));
}

#define CASE(name) \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(content_then_name_then_folders),
        CASE(a_known_folder_costs_one_sync),
        CASE(a_strangers_folder_is_synced_all_the_way),
        CASE(a_sync_covers_the_stages_name_once),
        CASE(a_removal_syncs_what_is_left),
        CASE(a_new_store_is_durable),
        CASE(an_unsynced_name_is_taken_back),
        CASE(lost_writes_are_not_forgotten),
        CASE(early_writeback_reports_losses),
        CASE(early_writeback_keeps_up),
        CASE(early_writeback_of_what_others_write),
        CASE(any_failing_call_leaves_nothing_or_all),
        CASE(any_failing_call_leaves_a_removal_to_retry),
        CASE(without_rename_noreplace),
        CASE(a_second_name_is_no_stage),
        CASE(without_openat2),
        CASE(without_fallocate),
        CASE(a_promise_holds_no_room),
    };

    return cmocka_run_group_tests_name("local store: syncs", cases, NULL, NULL);
}
