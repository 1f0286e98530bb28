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
    struct arena *mem;      /* this struct's own */
    struct store *store;
    struct session session; /* text in MEM */
    bool open;              /* the session's row stands, and with it the reservation */
    struct stage *stage;    /* NULL once published */
    bool staged;            /* there was a stage */
    bool published;         /* the object stands at the session's path */
    struct hasher *hasher;
    uint64_t received; /* bytes */
    const char *declared_type;
    enum on_duplicate on_duplicate;
    struct digest_claims claims;
    bool claims_differ; /* the client named two digests of one kind */
    unsigned char head[SNIFF_BYTES];
    size_t head_length;
    bool sniffed;
};

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
