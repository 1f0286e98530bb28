/*
 * Disks that are full, read-only or unmounted, on a tmpfs of this process's own mount namespace,
 * which vanishes with it. Where mounting is not allowed these cases say so and are skipped.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

#define MIB (UINT64_C(1) << 20)

static bool mounts_allowed;

static bool mount_disk(const char *path)
{
    return mount("none", path, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m") == 0;
}

static void find_out(void)
{
    mounts_allowed = unshare(CLONE_NEWNS) == 0 &&
                     mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mount_disk("/mnt");
    if (mounts_allowed)
        umount("/mnt");
    else
        print_message("mounting is not allowed here (%s): disks are not tested\n", strerror(errno));
}

/* The fixture's folder, with a small disk mounted on it and a store on that. */
static int disk_setup(void **state)
{
    if (store_fixture_setup(state) != 0)
        return -1;
    struct store_fixture *f = *state;
    if (!mounts_allowed)
        return 0;
    struct store_config config = {.name = "main", .provider = "local", .path = f->folder};
    store_free(take(f->store));
    return mount_disk(f->folder) && store_open(&config, true, &f->store, &f->err) ? 0 : -1;
}

static int disk_teardown(void **state)
{
    struct store_fixture *f = *state;

    store_free(take(f->store));
    if (mounts_allowed)
        umount2(f->folder, MNT_DETACH);
    return store_fixture_teardown(state);
}

static void need_mounts(void)
{
    if (!mounts_allowed)
        skip();
}

static struct stage *stage_of(struct store_fixture *f, const char *id, const char *bytes,
                              size_t length)
{
    struct stage *stage = NULL;

    assert_ok(f, store_stage_create(f->store, id, STAGE_SIZE_UNKNOWN, &stage, &f->err));
    assert_ok(f, stage_write(stage, 0, bytes, length, &f->err));
    return stage;
}

static void a_full_disk_says_so_and_recovers(void **state)
{
    need_mounts();
    struct store_fixture *f = *state;
    scoped(memory_free) char *bytes = pattern(2 * MIB, 1);
    struct memory_source content;

    assert_ok(f, put_text(f->store, "s", "a/k", "kept", &f->err));
    memory_source_init(&content, bytes, 2 * MIB);
    assert_refused(f, ERR_STORAGE_FULL,
                   store_put(f->store, "s", "a/big", &content.base, 2 * MIB, &f->err));
    assert_absent(f->store, "a/big");
    assert_int_equal(count_stages(f->store), 0);
    assert_object(f->store, "a/k", "kept");

    scoped(stage_release) struct stage *stage = NULL; /* of unknown size: full on the way */
    assert_ok(f, store_stage_create(f->store, "u", STAGE_SIZE_UNKNOWN, &stage, &f->err));
    assert_refused(f, ERR_STORAGE_FULL, stage_write(stage, 0, bytes, 2 * MIB, &f->err));
    assert_refused(f, ERR_STORAGE_FULL, store_check(f->store, &f->err));
    assert_ok(f, store_stage_discard(f->store, "u", &f->err));
    stage_free(take(stage));

    assert_ok(f, store_check(f->store, &f->err));
    assert_ok(f, put_text(f->store, "s", "a/l", "room again", &f->err));
    assert_object(f->store, "a/l", "room again");
}

static void space_is_the_disks(void **state)
{
    need_mounts();
    struct store_fixture *f = *state;
    uint64_t room = 0;
    uint64_t total = 0;

    assert_ok(f, store_space(f->store, &room, &total, &f->err));
    assert_int_equal(total, MIB);
    assert_true(room < MIB && room > MIB / 2);
}

static bool set_read_only(struct store_fixture *f, bool on)
{
    return mount(NULL, f->folder, NULL, MS_REMOUNT | MS_BIND | (on ? MS_RDONLY : 0UL), NULL) == 0;
}

static void a_read_only_disk_can_be_read(void **state)
{
    need_mounts();
    struct store_fixture *f = *state;
    struct stage *none = NULL;

    assert_ok(f, put_text(f->store, "s", "a/k", "kept", &f->err));
    scoped(stage_release) struct stage *stage = stage_of(f, "open", "text", 4);
    assert_ok(f, stage_sync(stage, &f->err));
    stage_free(take(stage)); /* a file open for writing would keep the disk from being read-only */
    assert_true(set_read_only(f, true));
    assert_object(f->store, "a/k", "kept");
    assert_absent(f->store, "a/none");
    assert_int_equal(count_objects(f->store), 1);
    assert_int_equal(count_stages(f->store), 1);
    assert_refused(f, ERR_UNAVAILABLE, store_stage_create(f->store, "n", 4, &none, &f->err));
    assert_refused(f, ERR_UNAVAILABLE, store_stage_open(f->store, "open", &none, &f->err));
    assert_refused(f, ERR_UNAVAILABLE, store_stage_discard(f->store, "open", &f->err));
    assert_refused(f, ERR_UNAVAILABLE, store_remove(f->store, "a/k", &f->err));
    assert_refused(f, ERR_UNAVAILABLE, put_text(f->store, "s", "a/l", "x", &f->err));
    assert_refused(f, ERR_UNAVAILABLE, store_check(f->store, &f->err));
    store_fixture_reopen(f);
    assert_object(f->store, "a/k", "kept");

    assert_true(set_read_only(f, false));
    assert_ok(f, store_stage_open(f->store, "open", &stage, &f->err));
    assert_ok(f, stage_publish(stage, 4, "a/l", &f->err));
    assert_object(f->store, "a/l", "text");
    assert_ok(f, store_check(f->store, &f->err));
}

/* The mount point below stays visible, empty: it must not be taken for an empty store. */
static void an_unmounted_disk_is_let_go_of(void **state)
{
    need_mounts();
    struct store_fixture *f = *state;
    struct store_object object;
    char parked[512];

    assert_ok(f, put_text(f->store, "s", "a/k", "kept", &f->err));
    snprintf(parked, sizeof parked, "%s/parked", f->above);
    assert_int_equal(mkdir(parked, 0700), 0);
    assert_int_equal(mount(f->folder, parked, NULL, MS_BIND, NULL), 0);
    assert_int_equal(umount2(f->folder, MNT_DETACH), 0);
    assert_refused(f, ERR_UNAVAILABLE, store_head(f->store, "a/none", &object, &f->err));
    assert_refused(f, ERR_UNAVAILABLE, store_head(f->store, "a/k", &object, &f->err));
    assert_refused(f, ERR_UNAVAILABLE, put_text(f->store, "s", "a/l", "x", &f->err));
    assert_int_equal(access(f->folder, F_OK), 0);

    assert_int_equal(mount(parked, f->folder, NULL, MS_BIND, NULL), 0);
    assert_object(f->store, "a/k", "kept");
    assert_ok(f, put_text(f->store, "s", "a/l", "x", &f->err));
    assert_int_equal(umount2(parked, 0), 0); /* nothing of ours holds it any more */
    rmdir(parked);
}

/* Needs no mount: the limit on a file's size stands for a disk that cannot take more. */
static void a_file_too_large_is_a_full_disk(void **state)
{
    struct store_fixture *f = *state;
    struct rlimit before;
    struct rlimit small;
    scoped(memory_free) char *bytes = pattern(100000, 1);

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){65536, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    scoped(stage_release) struct stage *stage = stage_of(f, "s", bytes, 65536);
    bool written = stage_write(stage, 65536, bytes, 1000, &f->err);
    enum error_kind written_kind = f->err.kind;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);

    assert_false(written);
    assert_int_equal(written_kind, ERR_STORAGE_FULL);
    assert_ok(f, stage_publish(stage, 65536, "k", &f->err));
    assert_object_bytes(f->store, "k", bytes, 65536);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_full_disk_says_so_and_recovers),
        CASE(space_is_the_disks),
        CASE(a_read_only_disk_can_be_read),
        CASE(an_unmounted_disk_is_let_go_of),
        cmocka_unit_test_setup_teardown(a_file_too_large_is_a_full_disk, store_fixture_setup,
                                        store_fixture_teardown),
    };

    find_out();
    return cmocka_run_group_tests_name("local store: disks", cases, NULL, NULL);
}
