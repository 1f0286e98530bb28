/* The local store's folder: what is in it, what may go wrong with it, how it comes back. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

static char *path_in(struct store_fixture *f, const char *name)
{
    static char path[1024];

    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    return path;
}

static bool is_there(struct store_fixture *f, const char *name)
{
    return access(path_in(f, name), F_OK) == 0;
}

/* Names beginning with "../" stand beside the store's folder, which may be away itself. */
static void rename_in(struct store_fixture *f, const char *from, const char *to)
{
    char paths[2][1024];
    const char *names[] = {from, to};

    for (int i = 0; i < 2; i++) {
        bool beside = strncmp(names[i], "../", 3) == 0;
        snprintf(paths[i], sizeof paths[i], "%s/%s", beside ? f->above : f->folder,
                 names[i] + (beside ? 3 : 0));
    }
    assert_int_equal(rename(paths[0], paths[1]), 0);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* ---- layout ---- */

static void files_and_folders_are_the_servers_alone(void **state)
{
    struct store_fixture *f = *state;
    struct stat st;

    assert_ok(f, put_text(f->store, "s", "uploads/u/k.wav", "text", &f->err));
    assert_int_equal(stat(path_in(f, "uploads/u/k.wav"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 4);
    static const char *const folders[] = {"", "uploads", "uploads/u", ".staging"};
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        assert_int_equal(stat(path_in(f, folders[i]), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
    }
}

static void room_set_aside_is_given_back(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = NULL;
    struct stat st;

    assert_ok(f, store_stage_create(f->store, "s", 64 << 20, &stage, &f->err));
    assert_ok(f, stage_write(stage, 0, "text", 4, &f->err));
    assert_ok(f, stage_publish(stage, 4, "k", &f->err));
    assert_int_equal(stat(path_in(f, "k"), &st), 0);
    assert_int_equal(st.st_size, 4);
    assert_true(st.st_blocks <= 128);
}

static void emptied_folders_go(void **state)
{
    struct store_fixture *f = *state;

    assert_ok(f, put_text(f->store, "1", "a/b/c/k", "1", &f->err));
    assert_ok(f, put_text(f->store, "2", "a/x", "2", &f->err));
    assert_ok(f, store_remove(f->store, "a/b/c/k", &f->err));
    assert_false(is_there(f, "a/b"));
    assert_true(is_there(f, "a/x"));
    assert_ok(f, store_remove(f->store, "a/x", &f->err));
    assert_false(is_there(f, "a"));
    assert_true(is_there(f, ".audiotricks-store"));
}

static void own_names_are_no_keys(void **state)
{
    static const char *const keys[] = {".audiotricks-store", ".audiotricks-store/x", ".staging",
                                       ".staging/s"};
    struct store_fixture *f = *state;
    struct store_object object;

    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        assert_refused(f, ERR_INVALID, put_text(f->store, "s", keys[i], "x", &f->err));
        assert_refused(f, ERR_INVALID, store_head(f->store, keys[i], &object, &f->err));
        assert_refused(f, ERR_INVALID, store_remove(f->store, keys[i], &f->err));
    }
    assert_ok(f, put_text(f->store, "s", "a/.staging", "x", &f->err));
    assert_int_equal(count_objects(f->store), 1);
}

static void a_segment_has_a_longest_length(void **state)
{
    struct store_fixture *f = *state;
    char key[300] = "a/";

    memset(key + 2, 'k', 256);
    assert_refused(f, ERR_INVALID, put_text(f->store, "s", key, "x", &f->err));
    key[2 + 255] = '\0';
    assert_ok(f, put_text(f->store, "s", key, "x", &f->err));
    assert_object(f->store, key, "x");
}

static void an_object_is_no_folder(void **state)
{
    struct store_fixture *f = *state;

    assert_ok(f, put_text(f->store, "s", "a/b", "x", &f->err));
    assert_refused(f, ERR_EXISTS, put_text(f->store, "s", "a/b/c", "y", &f->err));
    assert_refused(f, ERR_EXISTS, put_text(f->store, "s", "a", "y", &f->err));
    assert_absent(f->store, "a/b/c");
    assert_ok(f, store_remove(f->store, "a/b/c", &f->err));
    assert_ok(f, store_remove(f->store, "a", &f->err));
    assert_object(f->store, "a/b", "x");
}

/* ---- strangers ---- */

static void links_are_not_followed(void **state)
{
    struct store_fixture *f = *state;
    struct store_object object;
    uint64_t size;
    int fd;

    assert_ok(f, put_text(f->store, "s", "a/k", "x", &f->err));
    assert_int_equal(symlink("/etc", path_in(f, "out")), 0);
    assert_int_equal(symlink("a", path_in(f, "in")), 0);
    assert_int_equal(symlink("../a/k", path_in(f, "a/link")), 0);
    static const char *const keys[] = {"out/passwd", "in/k", "a/link"};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        assert_refused(f, ERR_UNAVAILABLE, store_head(f->store, keys[i], &object, &f->err));
        assert_refused(f, ERR_UNAVAILABLE, store_open_fd(f->store, keys[i], &fd, &size, &f->err));
    }
    assert_refused(f, ERR_UNAVAILABLE, put_text(f->store, "s", "out/k", "x", &f->err));
    assert_refused(f, ERR_UNAVAILABLE, store_remove(f->store, "in/k", &f->err));
    assert_object(f->store, "a/k", "x");
}

static void a_fifo_is_not_waited_for(void **state)
{
    struct store_fixture *f = *state;
    uint64_t size;
    int fd;

    assert_int_equal(mkfifo(path_in(f, "fifo"), 0600), 0);
    assert_refused(f, ERR_UNAVAILABLE, store_open_fd(f->store, "fifo", &fd, &size, &f->err));
}

static bool join(void *context, const struct store_object *object)
{
    strcat(context, object->key);
    strcat(context, ";");
    return true;
}

static void everything_is_listed(void **state)
{
    struct store_fixture *f = *state;
    char seen[512] = "";

    assert_ok(f, put_text(f->store, "s", "a/k", "x", &f->err));
    assert_int_equal(symlink("nowhere", path_in(f, "a/link")), 0);
    assert_int_equal(mkdir(path_in(f, "empty"), 0700), 0);
    write_file(path_in(f, "a/new\nline"), "1");
    write_file(path_in(f, "a/\xff"), "12");
    write_file(path_in(f, ".stray"), "123");
    assert_ok(f, store_list(f->store, "", NULL, join, seen, &f->err));
    assert_string_equal(seen, ".stray;a/k;a/link;a/new\nline;a/\xff;");
    seen[0] = '\0';
    assert_ok(f, store_list(f->store, "a/l", "a/k", join, seen, &f->err));
    assert_string_equal(seen, "a/link;");
}

/* Deeper than any path can be named: still a list, not a failure and not an overflow. */
static void a_bottomless_tree_is_listed(void **state)
{
    struct store_fixture *f = *state;
    char name[201];
    int fds[31]; /* 30 * 201 bytes > PATH_MAX */

    memset(name, 'd', 200);
    name[200] = '\0';
    fds[0] = open(f->folder, O_RDONLY | O_DIRECTORY);
    for (size_t i = 0; i < 30; i++) {
        assert_int_equal(mkdirat(fds[i], name, 0700), 0);
        fds[i + 1] = openat(fds[i], name, O_RDONLY | O_DIRECTORY);
    }
    assert_int_equal(count_objects(f->store), 1);
    for (size_t i = 30; i-- > 0;) { /* the fixture could not name it either */
        close(fds[i + 1]);
        assert_int_equal(unlinkat(fds[i], name, AT_REMOVEDIR), 0);
    }
    close(fds[0]);
}

/* ---- the marker ---- */

static void assert_away(struct store_fixture *f, struct stage *stage)
{
    struct store_object object;
    struct stage *none = NULL;
    uint64_t number;
    int fd;

    assert_refused(f, ERR_UNAVAILABLE, store_head(f->store, "none", &object, &f->err));
    assert_refused(f, ERR_UNAVAILABLE, store_open_fd(f->store, "none", &fd, &number, &f->err));
    assert_refused(f, ERR_UNAVAILABLE, store_remove(f->store, "none", &f->err));
    assert_refused(f, ERR_UNAVAILABLE, store_remove(f->store, "a/k", &f->err));
    assert_refused(f, ERR_UNAVAILABLE, store_list(f->store, "", NULL, join, NULL, &f->err));
    assert_refused(f, ERR_UNAVAILABLE, store_list_stages(f->store, join, NULL, &f->err));
    assert_refused(f, ERR_UNAVAILABLE, store_stage_create(f->store, "n", 1, &none, &f->err));
    assert_refused(f, ERR_UNAVAILABLE, store_stage_open(f->store, "n", &none, &f->err));
    assert_refused(f, ERR_UNAVAILABLE, store_stage_discard(f->store, "n", &f->err));
    assert_refused(f, ERR_UNAVAILABLE, stage_publish(stage, 4, "b/k", &f->err));
    assert_refused(f, ERR_UNAVAILABLE, store_check(f->store, &f->err));
    assert_refused(f, ERR_UNAVAILABLE, store_space(f->store, &number, &number, &f->err));
}

static struct stage *stage_with_text(struct store_fixture *f)
{
    struct stage *stage = NULL;

    assert_ok(f, put_text(f->store, "s", "a/k", "kept", &f->err));
    assert_ok(f, store_stage_create(f->store, "kept", 4, &stage, &f->err));
    assert_ok(f, stage_write(stage, 0, "text", 4, &f->err));
    return stage;
}

static void assert_back(struct store_fixture *f, struct stage *stage)
{
    assert_absent(f->store, "none");
    assert_object(f->store, "a/k", "kept");
    assert_ok(f, stage_publish(stage, 4, "b/k", &f->err));
    assert_object(f->store, "b/k", "text");
    assert_ok(f, store_check(f->store, &f->err));
    assert_int_equal(count_objects(f->store), 2);
}

static void a_lost_marker_stops_the_store_until_it_is_back(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = stage_with_text(f);

    for (int round = 0; round < 3; round++) {
        rename_in(f, ".audiotricks-store", "../marker");
        assert_away(f, stage);
        rename_in(f, "../marker", ".audiotricks-store");
        assert_absent(f->store, "none");
    }
    assert_back(f, stage);
}

/* As when a disk is unmounted and its empty mount point shows, and mounted again. */
static void a_replaced_folder_is_noticed(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = stage_with_text(f);

    rename_in(f, "../objects", "../away");
    assert_away(f, stage);
    assert_int_equal(mkdir(f->folder, 0700), 0);
    assert_away(f, stage);
    rename_in(f, "../away", "../objects");
    assert_back(f, stage);
}

/* All moved into another folder of that name: the same marker in a folder that we do not hold yet.
 */
static void a_moved_content_is_found(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = stage_with_text(f);

    rename_in(f, "../objects", "../old");
    assert_int_equal(mkdir(f->folder, 0700), 0);
    rename_in(f, "../old/.audiotricks-store", ".audiotricks-store");
    rename_in(f, "../old/.staging", ".staging");
    rename_in(f, "../old/a", "a");
    assert_back(f, stage);
}

static bool lose_the_marker(void *context, const struct store_object *object)
{
    struct store_fixture *f = context;

    (void)object;
    if (is_there(f, ".audiotricks-store"))
        rename_in(f, ".audiotricks-store", "../marker");
    return true;
}

static void a_list_cut_short_is_no_list(void **state)
{
    struct store_fixture *f = *state;

    assert_ok(f, put_text(f->store, "s", "a/k", "x", &f->err));
    assert_refused(f, ERR_UNAVAILABLE, store_list(f->store, "", NULL, lose_the_marker, f, &f->err));
}

static void another_store_is_not_taken_for_ours(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = stage_with_text(f);
    scoped(store_release) struct store *other = NULL;
    struct store_config config = {.name = "other", .provider = "local"};

    rename_in(f, "../objects", "../ours");
    config.path = f->folder;
    assert_ok(f, store_open(&config, true, &other, &f->err));
    assert_away(f, stage);
    rename_in(f, "../objects", "../other");
    rename_in(f, "../ours", "../objects");
    assert_back(f, stage);
}

static void a_removed_staging_folder_is_made_again(void **state)
{
    struct store_fixture *f = *state;

    assert_int_equal(rmdir(path_in(f, ".staging")), 0);
    assert_ok(f, store_check(f->store, &f->err));
    assert_ok(f, put_text(f->store, "s", "k", "x", &f->err));
    assert_object(f->store, "k", "x");
}

static void a_vanished_stage_is_not_published(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = stage_with_text(f);

    rename_in(f, ".audiotricks-store", "../marker");
    assert_away(f, stage);
    rename_in(f, "../marker", ".audiotricks-store");
    assert_int_equal(unlink(path_in(f, ".staging/kept")), 0);
    write_file(path_in(f, ".staging/kept"), "other bytes");
    assert_refused(f, ERR_UNAVAILABLE, stage_publish(stage, 4, "b/k", &f->err));
    assert_absent(f->store, "b/k");
}

static void an_opened_store_needs_its_marker(void **state)
{
    struct store_fixture *f = *state;
    struct store_config config = {.name = "main", .provider = "local", .path = f->folder};
    struct store *store = NULL;

    static const char *const texts[] = {"", "{}", "{\"id\": \"00\", \"layout\": 1}\n",
                                        "{\"id\": \"0123456789abcdef0123456789abcdef\", "
                                        "\"layout\": 2}\n"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        write_file(path_in(f, ".audiotricks-store"), texts[i]);
        assert_refused(f, ERR_UNAVAILABLE, store_open(&config, false, &store, &f->err));
        assert_refused(f, ERR_UNAVAILABLE, store_open(&config, true, &store, &f->err));
    }
    assert_int_equal(unlink(path_in(f, ".audiotricks-store")), 0);
    assert_refused(f, ERR_UNAVAILABLE, store_open(&config, false, &store, &f->err));
    assert_ok(f, store_open(&config, true, &store, &f->err));
    store_free(store);
}

static void only_the_last_folder_is_made(void **state)
{
    struct store_fixture *f = *state;
    struct store_config config = {.name = "main", .provider = "local"};
    struct store *store = NULL;

    config.path = path_in(f, "x/y");
    assert_refused(f, ERR_UNAVAILABLE, store_open(&config, true, &store, &f->err));
    config.path = path_in(f, "x//");
    assert_refused(f, ERR_UNAVAILABLE, store_open(&config, false, &store, &f->err));
    assert_ok(f, store_open(&config, true, &store, &f->err));
    store_free(store);
}

#define CASE(name) \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(files_and_folders_are_the_servers_alone),
        CASE(room_set_aside_is_given_back),
        CASE(emptied_folders_go),
        CASE(own_names_are_no_keys),
        CASE(a_segment_has_a_longest_length),
        CASE(an_object_is_no_folder),
        CASE(links_are_not_followed),
        CASE(a_fifo_is_not_waited_for),
        CASE(everything_is_listed),
        CASE(a_bottomless_tree_is_listed),
        CASE(a_lost_marker_stops_the_store_until_it_is_back),
        CASE(a_replaced_folder_is_noticed),
        CASE(a_moved_content_is_found),
        CASE(a_list_cut_short_is_no_list),
        CASE(another_store_is_not_taken_for_ours),
        CASE(a_removed_staging_folder_is_made_again),
        CASE(a_vanished_stage_is_not_published),
        CASE(an_opened_store_needs_its_marker),
        CASE(only_the_last_folder_is_made),
    };

    return cmocka_run_group_tests_name("local store: folder", cases, NULL, NULL);
}
