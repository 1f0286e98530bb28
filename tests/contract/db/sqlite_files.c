/* Which files are SQLite databases of ours, and how they are called. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool database_opens(struct db_fixture *f, enum database_access access, struct error *err)
{
    return database_open_set(&f->options, &sql_set_shelf, access, &f->database, err);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void other_files_are_refused(void **state)
{
    struct db_fixture *f = *state;
    struct error err;
    char text[5000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    write_file(f->path, text);
    check_fails(database_opens(f, DATABASE_CREATE, &err), ERR_INVALID);
    check_fails(database_opens(f, DATABASE_EXISTING, &err), ERR_INVALID);
    write_file(f->path, "");
    check_fails(database_opens(f, DATABASE_EXISTING, &err), ERR_INVALID);
    db_fixture_open(f); /* an empty file is what a crash in the first moment leaves */
}

static void addresses_are_checked(void **state)
{
    struct db_fixture *f = *state;
    static const struct {
        const char *url;
        enum error_kind kind;
    } cases[] = {
        {"sqlite:", ERR_INVALID},
        {"sqlite::memory:", ERR_INVALID},
        {"sqlite:/tmp", ERR_INVALID},
        {"sqlite:/nowhere/at/all/catalog.db", ERR_UNAVAILABLE},
        {"oracle:/tmp/x", ERR_INVALID},
        {"sqlite3:/tmp/x", ERR_INVALID},
        {"", ERR_INVALID},
    };
    struct error err;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        f->options.url = cases[i].url;
        check_fails(database_opens(f, DATABASE_CREATE, &err), cases[i].kind);
    }
    snprintf(f->url, sizeof f->url, "sqlite://%s", f->path);
    f->options.url = f->url;
    db_fixture_open(f);
    assert_int_equal(access(f->path, F_OK), 0);
}

/* It holds digests of tokens. */
static void files_are_their_owners_alone(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct db_fixture *f = *state;

    db_fixture_open(f);
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        char name[128];
        struct stat found;
        snprintf(name, sizeof name, "%s%s", f->path, suffixes[i]);
        assert_int_equal(stat(name, &found), 0);
        assert_int_equal(found.st_mode & 0777, 0600);
    }
}

int main(void)
{
#define closed(test) cmocka_unit_test_setup_teardown(test, db_fixture_up_closed, db_fixture_down)
    const struct CMUnitTest tests[] = {
        closed(other_files_are_refused),
        closed(addresses_are_checked),
        closed(files_are_their_owners_alone),
    };

    return cmocka_run_group_tests_name("sqlite files", tests, NULL, NULL);
}
