/* Which known word a misspelt one was probably meant to be. */
#ifndef CLI_HINT_H
#define CLI_HINT_H

#include <stddef.h>

/* Edits (insertions, deletions, replacements, swaps of neighbours) that turn A into B. Words of
 * more than 63 characters count as 64 apart. */
size_t hint_distance(const char *a, const char *b);

/* The best of the candidates offered so far. */
struct hint {
    const char *word; /* what the user wrote */
    const char *best; /* NULL: nothing is near enough */
    size_t distance;
};

void hint_init(struct hint *hint, const char *word);
void hint_offer(struct hint *hint, const char *candidate);

#endif
