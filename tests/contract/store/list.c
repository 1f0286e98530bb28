#include "fixture.h"

#define KEYS_MAX 400

/* The model: keys as a sorted set. */
struct keys {
    char *items[KEYS_MAX];
    size_t count;
};

static void keys_done(struct keys *self)
{
    while (self->count > 0)
        free(self->items[--self->count]);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 16;
}

/* Segments whose order changes with what follows: '-', '.' and ' ' stand before '/', '0' behind. */
static void random_key(unsigned *seed, char out[static 128])
{
    static const char *const segments[] = {"a",  "a-b", "a.b", "a b",     "a0",
                                           "ab", "b",   "A",   "\xc3\xa9"};
    unsigned depth = 1 + next_random(seed) % 4;

    out[0] = '\0';
    for (unsigned i = 0; i < depth; i++) {
        strcat(out, i ? "/" : "");
        strcat(out, segments[next_random(seed) % COUNT_OF(segments)]);
    }
}

/* Keys that a provider cannot hold beside others (a file where there is a folder) are left out. */
static void fill(struct store_fixture *f, struct keys *model, unsigned *seed)
{
    for (int i = 0; i < KEYS_MAX; i++) {
        char key[128], id[16];
        random_key(seed, key);
        snprintf(id, sizeof id, "s-%d", i);
        if (put_text(f->store, id, key, key, &f->err))
            model->items[model->count++] = strdup(key);
        else
            assert_int_equal(f->err.kind, ERR_EXISTS);
    }
    qsort(model->items, model->count, sizeof *model->items, by_bytes);
}

/* Ticks the model's keys off as they are visited. */
struct tour {
    const struct keys *model;
    const char *prefix;
    size_t next;
    size_t left; /* visits until the tour stops */
    char last[128];
};

static void skip_unwanted(struct tour *tour)
{
    while (tour->next < tour->model->count &&
           strncmp(tour->model->items[tour->next], tour->prefix, strlen(tour->prefix)) != 0)
        tour->next++;
}

static bool visit(void *context, const struct store_object *object)
{
    struct tour *tour = context;

    skip_unwanted(tour);
    assert_true(tour->next < tour->model->count);
    assert_string_equal(object->key, tour->model->items[tour->next]);
    assert_int_equal(object->size, strlen(object->key));
    assert_true(object->modified_us > 0);
    tour->next++;
    strcpy(tour->last, object->key);
    return --tour->left > 0;
}

static void assert_toured(struct tour *tour)
{
    skip_unwanted(tour);
    assert_int_equal(tour->next, tour->model->count);
}

static size_t first_after(const struct keys *model, const char *after)
{
    size_t index = 0;

    while (index < model->count && strcmp(model->items[index], after) <= 0)
        index++;
    return index;
}

static void keys_come_in_the_order_of_their_bytes(void **state)
{
    struct store_fixture *f = *state;
    scoped(keys_done) struct keys model = {0};
    struct tour tour = {.model = &model, .prefix = "", .left = SIZE_MAX};
    unsigned seed = 7;

    fill(f, &model, &seed);
    assert_true(model.count > 100);
    assert_ok(f, store_list(f->store, "", NULL, visit, &tour, &f->err));
    assert_toured(&tour);
}

static void any_prefix_and_cursor_fit_together(void **state)
{
    static const char *const prefixes[] = {"",      "a",    "a/",    "a/a",       "a-b/",
                                           "a/b/a", "b/",   "none",  "a//",       "../",
                                           "/",     "a/a/", "a b/a", ".staging/", ".staging"};
    struct store_fixture *f = *state;
    scoped(keys_done) struct keys model = {0};
    unsigned seed = 11;

    fill(f, &model, &seed);
    for (int i = 0; i < 400; i++) {
        char after[128];
        random_key(&seed, after);
        struct tour tour = {
            .model = &model,
            .prefix = prefixes[next_random(&seed) % COUNT_OF(prefixes)],
            .next = first_after(&model, after),
            .left = SIZE_MAX,
        };
        assert_ok(f, store_list(f->store, tour.prefix, after, visit, &tour, &f->err));
        assert_toured(&tour);
    }
}

/* Pages: stop after a few, go on behind the last. */
static void pages_join_without_a_gap(void **state)
{
    struct store_fixture *f = *state;
    scoped(keys_done) struct keys model = {0};
    struct tour tour = {.model = &model, .prefix = ""};
    unsigned seed = 13;

    fill(f, &model, &seed);
    while (tour.next < model.count) {
        size_t before = tour.next;
        tour.left = 7;
        assert_ok(f, store_list(f->store, "", before ? tour.last : NULL, visit, &tour, &f->err));
        assert_true(tour.next > before);
        assert_true(tour.next == before + 7 || tour.next == model.count);
    }
}

static void an_empty_store_lists_nothing(void **state)
{
    struct store_fixture *f = *state;

    assert_int_equal(count_objects(f->store), 0);
    assert_int_equal(count_stages(f->store), 0);
}

static bool note_stage(void *context, const struct store_object *stage)
{
    strcat(context, stage->key);
    assert_true(stage->size == 2);
    return true;
}

static void stages_are_listed_by_id(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = NULL;
    char seen[64] = "";

    assert_ok(f, store_stage_create(f->store, "one", 2, &stage, &f->err));
    assert_ok(f, stage_write(stage, 0, "ab", 2, &f->err));
    assert_ok(f, store_check(f->store, &f->err));
    assert_ok(f, store_list_stages(f->store, note_stage, seen, &f->err));
    assert_string_equal(seen, "one");
    assert_int_equal(count_objects(f->store), 0);
}

#define CASE(name) \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int store_list_cases(void)
{
    const struct CMUnitTest cases[] = {
        CASE(keys_come_in_the_order_of_their_bytes),
        CASE(any_prefix_and_cursor_fit_together),
        CASE(pages_join_without_a_gap),
        CASE(an_empty_store_lists_nothing),
        CASE(stages_are_listed_by_id),
    };

    return cmocka_run_group_tests_name("store: lists", cases, NULL, NULL);
}
