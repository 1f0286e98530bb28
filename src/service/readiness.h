/*
 * What the last look at the server's readiness saw. One request looks at a time; those that come
 * meanwhile are told what was seen last, so that any number of them holds one thread, not one each.
 */
#ifndef SERVICE_READINESS_H
#define SERVICE_READINESS_H

#include <stdbool.h>

#define READINESS_TEXT_MAX 8192 /* a few details of 256 bytes, all of them escaped */

struct readiness_seen {
    bool ok;
    char text[READINESS_TEXT_MAX]; /* the answer */
};

struct readiness;

struct readiness *readiness_new(void);
void readiness_free(struct readiness *readiness);

/* True if the caller is to look, and then to tell with readiness_tell. False if another is looking:
 * *OUT is what was seen last; not ready if nothing ever was. Never blocks. */
bool readiness_begin(struct readiness *readiness, struct readiness_seen *out);
void readiness_tell(struct readiness *readiness, const struct readiness_seen *seen);

#endif
