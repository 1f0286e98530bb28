/* Every type through the database and back, and what statements answer. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

struct sample {
    int64_t id;
    struct db_value values[7]; /* whole, seconds, words, mark, made_at, flag, body */
};

static bool add_sample(struct db *tx, void *context, struct error *err)
{
    struct sample *sample = context;
    struct db_value args[8] = {db_int(sample->id)};

    memcpy(args + 1, sample->values, sizeof sample->values);
    return db_execute(tx, SQL_SAMPLE_ADD, args, 8, NULL, err);
}

static void keep(struct db_fixture *f, struct sample *sample)
{
    struct error err;

    check_ok(database_write(f->database, add_sample, sample, &err));
}

/* The row of sample ID, stepped onto. */
static struct db_rows *find(struct db *db, int64_t id)
{
    struct db_rows *rows;
    struct error err;

    check_ok(db_query(db, SQL_SAMPLE_BY_ID, DB_ARGS(db_int(id)), &rows, &err));
    check_ok(db_one(rows, "sample", &err));
    return rows;
}

static void types_come_back_as_they_went(void **state)
{
    struct db_fixture *f = *state;
    static const unsigned char body[] = {0, 'a', 0, 0xff, 0};
    struct uuid mark = {{0x01, 0x93, 0xab, 4, 5, 6, 0x70, 8, 0x80, 10, 11, 12, 13, 14, 15, 0xff}};
    struct error err;
    unsigned char out[8];

    keep(f, &(struct sample){1,
                             {db_int(-42), db_milli(1234567), db_text("né ☃ 𝄞 'quoted' $1"),
                              db_uuid(mark), db_time(INT64_C(1795500000123456)), db_bool(true),
                              db_bytes(body, sizeof body)}});
    scoped(db_release) struct db *db = NULL;
    check_ok(database_read(f->database, &db, &err));
    scoped(db_rows_release) struct db_rows *rows = find(db, 1);

    assert_int_equal(db_column_int(rows, 0), -42);
    assert_int_equal(db_column_milli(rows, 1), 1234567);
    assert_string_equal(db_column_text(rows, 2, f->mem), "né ☃ 𝄞 'quoted' $1");
    assert_true(uuid_equal(db_column_uuid(rows, 3), mark));
    assert_true(db_column_time(rows, 4) == INT64_C(1795500000123456));
    assert_true(db_column_bool(rows, 5));
    assert_int_equal(db_column_bytes(rows, 6, out, sizeof out), sizeof body);
    assert_memory_equal(out, body, sizeof body);
    assert_int_equal(db_column_bytes(rows, 6, out, 2), sizeof body); /* a short OUT */
    for (int column = 0; column < 7; column++)
        assert_false(db_column_is_null(rows, column));
    assert_false(db_next(rows));
    check_ok(db_rows_ok(rows, &err));
}

static void null_reads_as_nothing(void **state)
{
    struct db_fixture *f = *state;
    struct uuid nil = {0};
    struct error err;
    char out[1] = {'x'};

    keep(f,
         &(struct sample){1,
                          {db_null(), db_int_or_null(false, 7), db_text(NULL),
                           db_uuid_or_null(false, nil), db_time_or_null(0), db_null(), db_null()}});
    scoped(db_release) struct db *db = NULL;
    check_ok(database_read(f->database, &db, &err));
    scoped(db_rows_release) struct db_rows *rows = find(db, 1);

    for (int column = 0; column < 7; column++)
        assert_true(db_column_is_null(rows, column));
    assert_int_equal(db_column_int(rows, 0), 0);
    assert_int_equal(db_column_milli(rows, 1), 0);
    assert_null(db_column_text(rows, 2, f->mem));
    assert_true(uuid_is_nil(db_column_uuid(rows, 3)));
    assert_int_equal(db_column_time(rows, 4), 0);
    assert_false(db_column_bool(rows, 5));
    assert_int_equal(db_column_bytes(rows, 6, out, sizeof out), 0);
    assert_int_equal(out[0], 'x');
}

static void empty_is_not_null(void **state)
{
    struct db_fixture *f = *state;
    struct error err;
    char out[1];

    keep(f, &(struct sample){1,
                             {db_int(0), db_milli(0), db_text(""), db_null(), db_time(0),
                              db_bool(false), db_bytes(NULL, 0)}});
    scoped(db_release) struct db *db = NULL;
    check_ok(database_read(f->database, &db, &err));
    scoped(db_rows_release) struct db_rows *rows = find(db, 1);

    assert_string_equal(db_column_text(rows, 2, f->mem), "");
    assert_false(db_column_is_null(rows, 0));
    assert_false(db_column_is_null(rows, 4));
    assert_false(db_column_bool(rows, 5));
    assert_false(db_column_is_null(rows, 5));
    assert_false(db_column_is_null(rows, 6));
    assert_int_equal(db_column_bytes(rows, 6, out, sizeof out), 0);
}

static void integers_keep_all_64_bits(void **state)
{
    struct db_fixture *f = *state;
    static const int64_t numbers[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX - 1, INT64_MAX};
    struct error err;

    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        keep(f, &(struct sample){(int64_t)i, {db_int(numbers[i])}});
    scoped(db_release) struct db *db = NULL;
    check_ok(database_read(f->database, &db, &err));
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        scoped(db_rows_release) struct db_rows *rows = find(db, (int64_t)i);
        assert_true(db_column_int(rows, 0) == numbers[i]);
    }
}

static void times_keep_their_microseconds(void **state)
{
    struct db_fixture *f = *state;
    static const int64_t times[] = {INT64_MIN,                   /* before all */
                                    INT64_C(-62135596800000000), /* 0001-01-01 */
                                    -1,
                                    0,
                                    1,
                                    INT64_C(951782399999999),    /* a 29th of February */
                                    INT64_C(253402300799999999), /* 9999-12-31 */
                                    INT64_MAX};
    struct error err;

    for (size_t i = 0; i < COUNT_OF(times); i++)
        keep(f, &(struct sample){(int64_t)i, {[4] = db_time(times[i])}});
    scoped(db_release) struct db *db = NULL;
    check_ok(database_read(f->database, &db, &err));
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        scoped(db_rows_release) struct db_rows *rows = find(db, (int64_t)i);
        assert_true(db_column_time(rows, 4) == times[i]);
    }
}

static void thousandths_are_exact(void **state)
{
    struct db_fixture *f = *state;
    static const int64_t thousandths[] = {0,  1,       999,       1000,       1001,
                                          -1, -300000, 300000001, 3599999999, 12345678901234};
    struct error err;

    for (size_t i = 0; i < COUNT_OF(thousandths); i++)
        keep(f, &(struct sample){(int64_t)i, {[1] = db_milli(thousandths[i])}});
    scoped(db_release) struct db *db = NULL;
    check_ok(database_read(f->database, &db, &err));
    for (size_t i = 0; i < COUNT_OF(thousandths); i++) {
        scoped(db_rows_release) struct db_rows *rows = find(db, (int64_t)i);
        assert_true(db_column_milli(rows, 1) == thousandths[i]);
    }
}

static void a_large_blob_comes_back(void **state)
{
    struct db_fixture *f = *state;
    enum { SIZE = 3000000 };
    scoped(memory_free) char *sent = calloc(1, SIZE), *got = calloc(1, SIZE);
    struct error err;

    assert_true(sent && got);
    for (size_t i = 0; i < SIZE; i++)
        sent[i] = (char)(i * i >> 3);
    keep(f, &(struct sample){1, {[6] = db_bytes(sent, SIZE)}});
    scoped(db_release) struct db *db = NULL;
    check_ok(database_read(f->database, &db, &err));
    scoped(db_rows_release) struct db_rows *rows = find(db, 1);
    assert_int_equal(db_column_bytes(rows, 6, got, SIZE), SIZE);
    assert_memory_equal(got, sent, SIZE);
}

static void nothing_found_names_what_was_sought(void **state)
{
    struct db_fixture *f = *state;
    scoped(db_release) struct db *db = NULL;
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct error err;

    check_ok(database_read(f->database, &db, &err));
    check_ok(db_query(db, SQL_SAMPLE_BY_ID, DB_ARGS(db_int(1)), &rows, &err));
    check_fails(db_one(rows, "sample", &err), ERR_NOT_FOUND);
    assert_non_null(strstr(error_detail(&err), "sample"));
}

struct renamed {
    uint64_t changed;
    uint64_t missed;
    char label[16];
};

/* Parameters in another order than they appear in, the count of rows, and rows of a change. */
static bool rename_work(struct db *tx, void *context, struct error *err)
{
    struct renamed *renamed = context;
    scoped(db_rows_release) struct db_rows *rows = NULL;
    scoped(arena_release) struct arena *mem = arena_new();

    if (!db_execute(tx, SQL_SHELF_ADD, DB_ARGS(db_int(5), db_text("five")), NULL, err) ||
        !db_execute(tx, SQL_SHELF_RENAME, DB_ARGS(db_int(5), db_text("V")), &renamed->changed,
                    err) ||
        !db_execute(tx, SQL_SHELF_RENAME, DB_ARGS(db_int(6), db_text("VI")), &renamed->missed,
                    err) ||
        !db_query(tx, SQL_SHELF_RENAME_RETURNING, DB_ARGS(db_int(5), db_text("cinq")), &rows,
                  err) ||
        !db_one(rows, "shelf", err))
        return false;
    snprintf(renamed->label, sizeof renamed->label, "%s", db_column_text(rows, 1, mem));
    return true;
}

static void parameters_go_by_number(void **state)
{
    struct db_fixture *f = *state;
    struct renamed renamed = {0};
    struct error err;

    check_ok(database_write(f->database, rename_work, &renamed, &err));
    assert_int_equal(renamed.changed, 1);
    assert_int_equal(renamed.missed, 0);
    assert_string_equal(renamed.label, "cinq");
}

static void rows_of_one_statement_may_nest(void **state)
{
    struct db_fixture *f = *state;
    scoped(db_release) struct db *db = NULL;
    struct error err;
    int pairs = 0;

    for (int64_t id = 1; id <= 3; id++) {
        char label[] = {(char)('a' + id), '\0'};
        struct shelf_work work = {.id = id, .label = label};
        check_ok(database_write(f->database, shelf_add_work, &work, &err));
    }
    check_ok(database_read(f->database, &db, &err));
    scoped(db_rows_release) struct db_rows *outer = NULL;
    check_ok(db_query(db, SQL_SHELF_LABELS, DB_NO_ARGS, &outer, &err));
    while (db_next(outer)) {
        scoped(db_rows_release) struct db_rows *inner = NULL;
        check_ok(db_query(db, SQL_SHELF_LABELS, DB_NO_ARGS, &inner, &err));
        while (db_next(inner))
            pairs++;
    }
    assert_int_equal(pairs, 9);
}

int main(void)
{
#define with_database(test) cmocka_unit_test_setup_teardown(test, db_fixture_up, db_fixture_down)
    const struct CMUnitTest tests[] = {
        with_database(types_come_back_as_they_went),
        with_database(null_reads_as_nothing),
        with_database(empty_is_not_null),
        with_database(integers_keep_all_64_bits),
        with_database(times_keep_their_microseconds),
        with_database(thousandths_are_exact),
        with_database(a_large_blob_comes_back),
        with_database(nothing_found_names_what_was_sought),
        with_database(parameters_go_by_number),
        with_database(rows_of_one_statement_may_nest),
    };

    return cmocka_run_group_tests_name("database values", tests, NULL, NULL);
}
