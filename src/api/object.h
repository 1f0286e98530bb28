/* Objects as content of answers: from a descriptor where there is one, else as the store gives
 * them. */
#ifndef API_OBJECT_H
#define API_OBJECT_H

#include "http/response.h"
#include "service/app.h"

struct object_content {
    struct store *store;
    const char *key; /* lives as long as this */
    int fd;          /* -1: read from the store */
};

/* The caller's at first, so that object_content_done may always be called. */
#define OBJECT_CONTENT_NONE ((struct object_content){.fd = -1})
void object_content_done(struct object_content *self);

/*
 * Finds the object KEY of the store named STORE_NAME and fills OUT's size and where its bytes come
 * from; the rest of OUT stays as it is. SELF must outlive OUT. Fails with ERR_NOT_FOUND if there
 * is none, ERR_ARCHIVED if it is that, and as app_find_store.
 */
bool object_content_open(const struct app *app, const char *store_name, const char *key,
                         struct object_content *self, struct content *out, struct error *err);

#endif
