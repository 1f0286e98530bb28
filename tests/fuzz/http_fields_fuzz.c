/* The values of headers and queries. */
#include <assert.h>

#include "http/client_address.h"
#include "http/conditional.h"
#include "http/digest_header.h"
#include "http/disposition.h"
#include "http/multipart.h"
#include "http/query.h"
#include "http/range.h"
#include "http/structured.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ranges(struct str text)
{
    static const uint64_t sizes[] = {0, 1, 100, UINT64_MAX};

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct http_range found[RANGES_MAX];
        unsigned count = 0;

        if (range_parse(text, sizes[i], found, &count) != RANGE_PARTS)
            continue;
        assert(count > 0 && count <= RANGES_MAX);
        for (unsigned j = 0; j < count; j++)
            assert(found[j].length > 0 && found[j].start < sizes[i] &&
                   found[j].length <= sizes[i] - found[j].start);
    }
}

static void dispositions(struct str text, struct arena *mem)
{
    struct disposition found, again;
    const char *value;
    struct error err;
    char *header;

    multipart_boundary(text, mem, &value, &err);
    header_parameter(text, "boundary", mem, &value, &err);
    if (!disposition_parse(text, mem, &found, &err) || !found.filename)
        return;
    header = disposition_format("attachment", found.filename, mem);
    assert(disposition_parse(str_from(header), mem, &again, &err));
    assert(strcmp(again.filename, found.filename) == 0);
}

static void digests(struct str text)
{
    struct digest_fields found = {0}, again = {0};
    char header[DIGEST_HEADER_SIZE];
    struct error err;
    int sha256, md5;

    want_digest_parse(text, &sha256, &md5);
    content_md5_parse(text, &again, &err);
    if (!digest_fields_parse(text, &found, &err) || !(found.has_md5 || found.has_sha256))
        return;
    digest_fields_format(&found, header);
    again = (struct digest_fields){0};
    assert(digest_fields_parse(str_from(header), &again, &err));
    assert(again.has_md5 == found.has_md5 && again.has_sha256 == found.has_sha256);
}

static void items(struct str text)
{
    uint64_t count = 0;
    bool boolean;

    structured_boolean(text, &boolean);
    if (structured_count(text, &count))
        assert(count < UINT64_C(1000000000000000));
}

static void proxies(const char *text, struct arena *mem)
{
    struct forwarded_headers headers = {text, NULL, NULL, NULL};
    struct address peer = {false, {0}};
    struct networks networks;
    struct forwarded found;
    struct error err;

    networks_parse(text, mem, &networks, &err);
    assert(networks_parse("::/0", mem, &networks, &err));
    forwarded_resolve(&networks, &peer, &headers, mem, &found);
    headers = (struct forwarded_headers){NULL, text, text, text};
    forwarded_resolve(&networks, &peer, &headers, mem, &found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped(arena_release) struct arena *mem = arena_new();
    char *copy = arena_strndup(mem, (const char *)data, size);
    struct conditions conditions = {copy, copy, copy, copy, copy};
    struct validators validators = {true, "\"a\"", 1};
    struct str text = {(const char *)data, size};
    struct query query;
    struct error err;

    ranges(text);
    dispositions(text, mem);
    digests(text);
    items(text);
    proxies(copy, mem);
    query_parse(text, mem, &query, &err);
    conditions_evaluate(&conditions, &validators, true);
    if_range_holds(copy, &validators);
    return 0;
}
