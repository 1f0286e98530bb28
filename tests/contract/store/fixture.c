#include "fixture.h"

#include <fcntl.h>
#include <unistd.h>

#include "remove_tree.h"

/* Where S3_ENDPOINT tells of a server the contract is run over a store in it. */
static bool is_s3(void)
{
    return getenv("S3_ENDPOINT") != NULL;
}

struct section {
    struct store_config config;
    const struct store_fixture *fixture;
};

static const char *section_option(const struct store_config *config, const char *key)
{
    static const char *const from_environment[][2] = {
        {"endpoint", "S3_ENDPOINT"},     {"bucket", "S3_BUCKET"},
        {"region", "S3_REGION"},         {"access_key", "S3_ACCESS_KEY"},
        {"secret_key", "S3_SECRET_KEY"}, {"checksum", "S3_CHECKSUM"},
        {"profile", "S3_PROFILE"},       {"style", "S3_STYLE"}};
    const struct section *section = container_of(config, struct section, config);

    if (strcmp(key, "prefix") == 0)
        return section->fixture->prefix;
    if (strcmp(key, "part_size") == 0 || strcmp(key, "copy_threshold") == 0)
        return "5MiB";
    for (size_t i = 0; i < COUNT_OF(from_environment); i++)
        if (strcmp(key, from_environment[i][0]) == 0)
            return getenv(from_environment[i][1]);
    return NULL;
}

static bool fixture_open(struct store_fixture *f, bool create, struct store **out)
{
    struct section section = {.fixture = f,
                              .config = {.name = "main",
                                         .provider = is_s3() ? "s3" : "local",
                                         .path = is_s3() ? NULL : f->folder,
                                         .staging = f->folder,
                                         .option = section_option}};

    return store_open(&section.config, create, out, &f->err);
}

int store_fixture_setup(void **state)
{
    struct store_fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->above = strdup("/tmp/store-contract-XXXXXX");
    assert_non_null(mkdtemp(f->above));
    assert_true(asprintf(&f->folder, "%s/objects", f->above) > 0);
    snprintf(f->prefix, sizeof f->prefix, "%s/", strrchr(f->above, '/') + 1);
    f->has_files = !is_s3();
    assert_ok(f, fixture_open(f, true, &f->store));
    *state = f;
    return 0;
}

int store_fixture_teardown(void **state)
{
    struct store_fixture *f = *state;

    store_free(f->store);
    remove_tree(f->above);
    free(f->folder);
    free(f->above);
    free(f);
    return 0;
}

struct store *store_fixture_open(struct store_fixture *f)
{
    struct store *store = NULL;

    assert_ok(f, fixture_open(f, false, &store));
    return store;
}

void store_fixture_reopen(struct store_fixture *f)
{
    store_free(take(f->store));
    f->store = store_fixture_open(f);
}

static bool text_sink_write(struct sink *self, const void *buf, size_t size, struct error *err)
{
    struct text_sink *sink = container_of(self, struct text_sink, base);

    (void)err;
    if (sink->room - sink->length < size) {
        sink->room = 2 * sink->room + size;
        sink->bytes = realloc(sink->bytes, sink->room);
        assert_non_null(sink->bytes);
    }
    memcpy(sink->bytes + sink->length, buf, size);
    sink->length += size;
    return true;
}

void text_sink_init(struct text_sink *self)
{
    *self = (struct text_sink){.base = {.write = text_sink_write}};
}

void text_sink_done(struct text_sink *self)
{
    free(self->bytes);
}

bool put_text(struct store *store, const char *id, const char *key, const char *text,
              struct error *err)
{
    struct memory_source content;

    memory_source_init(&content, text, strlen(text));
    return store_put(store, id, key, &content.base, strlen(text), err);
}

char *pattern(size_t length, unsigned seed)
{
    char *bytes = malloc(length + 1);

    assert_non_null(bytes);
    for (size_t i = 0; i < length; i++) {
        seed = seed * 1103515245 + 12345;
        bytes[i] = (char)(seed >> 16);
    }
    return bytes;
}

static void assert_descriptor(struct store *store, const char *key, const char *bytes,
                              size_t length)
{
    scoped(memory_free) char *read_back = malloc(length + 1);
    scoped(fd_close) int fd = -1;
    uint64_t size = 0;
    struct error err;

    if (!store_open_fd(store, key, &fd, &size, &err)) {
        assert_int_equal(err.kind, ERR_NOT_IMPLEMENTED);
        return;
    }
    assert_int_equal(size, length);
    assert_int_equal(pread(fd, read_back, length + 1, 0), length);
    assert_memory_equal(read_back, bytes, length);
}

void assert_object_bytes(struct store *store, const char *key, const void *bytes, size_t length)
{
    scoped(text_sink_done) struct text_sink sink;
    struct byte_range whole = {0, BYTE_RANGE_REST};
    struct store_object object;
    struct error err = {0};

    text_sink_init(&sink);
    if (!store_head(store, key, &object, &err) || !store_get(store, key, whole, &sink.base, &err))
        fail_msg("%s", err.log);
    assert_string_equal(object.key, key);
    assert_int_equal(object.size, length);
    assert_int_equal(sink.length, length);
    if (length > 0)
        assert_memory_equal(sink.bytes, bytes, length);
    assert_descriptor(store, key, bytes, length);
}

void assert_object(struct store *store, const char *key, const char *text)
{
    assert_object_bytes(store, key, text, strlen(text));
}

void assert_absent(struct store *store, const char *key)
{
    struct store_object object;
    struct error err;

    if (store_head(store, key, &object, &err))
        fail_msg("%s is there", key);
    if (err.kind != ERR_NOT_FOUND)
        fail_msg("%s", err.log);
}

static bool count_one(void *context, const struct store_object *object)
{
    (void)object;
    ++*(size_t *)context;
    return true;
}

size_t count_objects(struct store *store)
{
    size_t count = 0;
    struct error err;

    if (!store_list(store, "", NULL, count_one, &count, &err))
        fail_msg("%s", err.log);
    return count;
}

size_t count_stages(struct store *store)
{
    size_t count = 0;
    struct error err;

    if (!store_list_stages(store, count_one, &count, &err))
        fail_msg("%s", err.log);
    return count;
}
