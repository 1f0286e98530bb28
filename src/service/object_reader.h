/* An object that is read at any place: through a descriptor where the store has files, else by
 * ranges, a few MB with each request. */
#ifndef SERVICE_OBJECT_READER_H
#define SERVICE_OBJECT_READER_H

#include "store/store.h"

struct object_reader;

/* Opens the object KEY, which stays the caller's. *OUT is NULL if there is none, or if it is
 * archived and so cannot be read now. Fails if the store does not answer. */
bool object_reader_open(struct store *store, const char *key, struct object_reader **out,
                        struct error *err);
void object_reader_free(struct object_reader *reader);
DEFINE_RELEASE(object_reader, struct object_reader)

uint64_t object_reader_size(const struct object_reader *reader);
/* What stands at FROM: *LENGTH bytes, at least one, at *BYTES, which live until the next call.
 * Nothing from END on is asked for. ERR_UNAVAILABLE if the object ends before. */
bool object_reader_read(struct object_reader *reader, uint64_t from, uint64_t end,
                        const char **bytes, size_t *length, struct error *err);

#endif
