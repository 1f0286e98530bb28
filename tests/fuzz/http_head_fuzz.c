/* The head of a request: where it ends does not depend on how it comes, and what is accepted is
 * safe to hand on. */
#include <assert.h>

#include "http/client_address.h"
#include "http/head.h"
#include "http/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct head_limits limits = {4096, 1024, 20};

static void check(const struct head *head)
{
    assert(head->path[0] == '/' && head->header_count <= limits.headers_max);
    assert(!(head->is_chunked && head->has_length));
    for (size_t i = 0; i < head->header_count; i++) {
        assert(text_is_token(head->headers[i].name));
        assert(text_is_field_value(head->headers[i].value));
        assert(head->headers[i].value.ptr[head->headers[i].value.len] == '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped(arena_release) struct arena *mem = arena_new();
    const char *bytes = (const char *)data;
    size_t skip = 0, length = 0, skip_again, length_again;
    struct error err;
    struct head head;

    if (size > limits.head_max_bytes)
        return 0;
    if (head_find(bytes, size, &limits, &skip, &length, &err) != HEAD_COMPLETE)
        return 0;
    assert(skip + length <= size);
    for (size_t part = 0; part < skip + length; part++)
        assert(head_find(bytes, part, &limits, &skip_again, &length_again, &err) == HEAD_PARTIAL);
    if (head_parse(bytes + skip, length, &limits, mem, &head, &err))
        check(&head);
    return 0;
}
