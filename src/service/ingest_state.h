/* An upload on its way: what begin, receive and finish share. Private to service/ingest*.c. */
#ifndef SERVICE_INGEST_STATE_H
#define SERVICE_INGEST_STATE_H

#include "catalog/session.h"
#include "service/hasher.h"
#include "service/ingest.h"

/* The first bytes that are kept to be looked at. */
#define SNIFF_BYTES 4096

struct ingest {
    struct app *app;
    struct arena *mem; /* this struct's own */
    struct store *store;
    struct session session; /* text in MEM */
    bool open;              /* the session's row stands, and with it the reservation */
    struct stage *stage;    /* NULL once published */
    bool staged;            /* there was a stage */
    bool published;         /* the object stands at the session's path */
    struct hasher *hasher;
    struct digests digests; /* of the content; known once it has all been received */
    uint64_t received;      /* bytes */
    bool may_be_published;  /* another node may have, and died: see shared_stage.h */
    int object_fd;          /* of an object that was published before; else -1 */
    bool outlives;          /* the session stays, open or to tell how it ended: see ingest_adopt */
    struct digest_claims claims;
    bool claims_differ; /* the client named two digests of one kind */
    unsigned char head[SNIFF_BYTES];
    size_t head_length;
    bool sniffed;
};

/*
 * What can be refused before there is a session: *NAME is the name to keep. SIZE may be
 * INGEST_SIZE_UNKNOWN. Fails with ERR_FILENAME, ERR_NOT_AUDIO, ERR_EMPTY, ERR_FILE_TOO_LARGE.
 */
bool ingest_check(const struct app *app, const char *filename, const char *declared_type,
                  uint64_t size, struct arena *mem, const char **name, struct error *err);
/* ERR_FILE_TOO_LARGE if the server takes no file of SIZE bytes. */
bool ingest_check_size(const struct app *app, uint64_t size, struct error *err);
/* Looks at the first LENGTH bytes of content. ERR_NOT_AUDIO if they show that it is none. */
bool ingest_sniff(const struct app *app, const void *head, size_t length, struct error *err);
/* The reservation to try for a session of unknown length that holds HELD bytes and needs NEEDED. */
uint64_t ingest_step(uint64_t held, uint64_t needed);

/*
 * An ingest of which all content has been received before, in a session of several requests:
 * DIGESTS are the content's, which stands in STAGE, or, if that is NULL, was published at the
 * session's path and is read through OBJECT_FD (the caller's). The ingest takes STAGE. Ready for
 * ingest_finish; a failure leaves the session open with its content.
 */
struct ingest *ingest_adopt(struct app *app, const struct session *session, struct stage *stage,
                            int object_fd, const struct digests *digests);

/*
 * Fills RECORD with what the content is: FACTS (NULL if it is not audio and anything is taken), the
 * session, DIGESTS. What is about the object and the order of things is left to the commit. Fails
 * with ERR_FORMAT if the configuration does not take this format.
 */
bool ingest_describe(const struct ingest *ingest, const struct media_facts *facts,
                     const struct digests *digests, struct arena *mem, struct upload *record,
                     struct error *err);

/* Looks at the content in a media process, as far as the policy of acceptance asks. *KNOWN is false
 * if it has no facts. Fails with ERR_NOT_AUDIO, ERR_MEDIA_UNREADABLE, ERR_UNAVAILABLE. */
bool ingest_probe(struct ingest *ingest, struct arena *mem, struct media_facts *facts, bool *known,
                  struct error *err);

#endif
