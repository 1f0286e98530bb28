/* answer_parse: what a media process that a file has taken over may send to the server. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "media/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    if (text && !utf8_is_valid(str_from(text)))
        abort();
}

static void check(const struct answer_view *view)
{
    check_text(view->reason);
    check_text(view->facts.file_type);
    check_text(view->facts.mime_type);
    check_text(view->facts.codec);
    check_text(view->facts.metadata_json);
    if (view->facts.duration_ms < 0 || view->facts.channels < 0)
        abort();
    if ((view->outcome == OUTCOME_AUDIO || view->outcome == OUTCOME_VIDEO) &&
        !view->facts.metadata_json)
        abort();
}

/* Magic and length are set right half the time, else hardly anything would get past them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(memory_free) uint8_t *copy = malloc(size + 1);
    struct answer_view view;

    if (!copy)
        abort();
    memcpy(copy, data, size);
    if (size >= sizeof(struct media_answer) && (data[size - 1] & 1)) {
        struct media_answer head;

        memcpy(&head, copy, sizeof head);
        head.magic = ANSWER_MAGIC;
        head.metadata_bytes = (uint32_t)(size - sizeof head);
        memcpy(copy, &head, sizeof head);
    }
    if (answer_parse(copy, size, mem, &view))
        check(&view);
    return 0;
}
