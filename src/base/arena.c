#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)16 * 1024)
#define ALIGNMENT sizeof(max_align_t)

/* A block's memory follows it; what is larger than a block gets a block of its own. */
struct block {
    struct block *next;
    size_t used, room;
    max_align_t bytes[];
};

struct arena {
    struct block *first; /* the one that is being filled */
};

/* BLOCK as it came from the allocator, which had to have ROOM bytes behind it. */
static struct block *block_init(struct block *block, size_t room)
{
    if (!block)
        abort();
    block->next = NULL;
    block->used = 0;
    block->room = room;
    return block;
}

struct arena *arena_new(void)
{
    struct arena *mem = calloc(1, sizeof *mem);

    if (!mem)
        abort();
    return mem;
}

static void free_blocks(struct block *block)
{
    while (block) {
        struct block *next = block->next;

        free(block);
        block = next;
    }
}

void arena_free(struct arena *mem)
{
    if (!mem)
        return;
    free_blocks(mem->first);
    free(mem);
}

void arena_reset(struct arena *mem)
{
    struct block *kept = mem->first;

    if (kept && kept->room == BLOCK_BYTES) {
        free_blocks(kept->next);
        kept->next = NULL;
        kept->used = 0;
        return;
    }
    free_blocks(kept);
    mem->first = NULL;
}

/* By calloc: of a list with room for the most that there may be, memory that nothing is written to
 * costs nothing. */
static void *alloc_own_block(struct arena *mem, size_t size)
{
    struct block *block = size > SIZE_MAX - sizeof *block ? NULL : calloc(1, sizeof *block + size);

    block_init(block, size)->used = size;
    if (mem->first) { /* behind the one that is being filled */
        block->next = mem->first->next;
        mem->first->next = block;
    } else {
        mem->first = block;
    }
    return block->bytes;
}

void *arena_alloc(struct arena *mem, size_t size)
{
    size_t rounded;
    void *out;

    if (size > BLOCK_BYTES / 4)
        return alloc_own_block(mem, size);
    rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!mem->first || mem->first->room - mem->first->used < rounded) {
        struct block *block = block_init(malloc(sizeof *block + BLOCK_BYTES), BLOCK_BYTES);

        block->next = mem->first;
        mem->first = block;
    }
    out = (char *)mem->first->bytes + mem->first->used;
    mem->first->used += rounded;
    return memset(out, 0, size);
}

void *arena_array(struct arena *mem, size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total))
        abort();
    return arena_alloc(mem, total);
}

char *arena_strndup(struct arena *mem, const char *bytes, size_t length)
{
    char *copy = arena_alloc(mem, length + 1);

    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

char *arena_strdup(struct arena *mem, const char *text)
{
    return text ? arena_strndup(mem, text, strlen(text)) : NULL;
}

char *arena_vprintf(struct arena *mem, const char *fmt, va_list args)
{
    va_list again;
    char *text;
    int length;

    va_copy(again, args);
    length = vsnprintf(NULL, 0, fmt, args);
    if (length < 0)
        abort();
    text = arena_alloc(mem, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, fmt, again);
    va_end(again);
    return text;
}

char *arena_printf(struct arena *mem, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = arena_vprintf(mem, fmt, args);
    va_end(args);
    return text;
}
