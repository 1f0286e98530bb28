/*
 * "Resumable Uploads for HTTP" (draft-ietf-httpbis-resumable-upload), for who asks POST /v1/uploads
 * for it, and at /v1/resumable-uploads/{id} whoever began the session. Sections in comments are of
 * draft -12.
 */
#ifndef API_DRAFT_H
#define API_DRAFT_H

#include "api/endpoint.h"
#include "service/resumable.h"

/* In what the interop versions of the draft differ for a server. */
struct draft_version {
    unsigned number;           /* Upload-Draft-Interop-Version; 0: none that is known here */
    const char *age_limit;     /* Upload-Limit's key for the seconds that the session has left */
    int appended_status;       /* of an append after which more is to come */
    bool refuses_state_fields; /* HEAD and DELETE that say how the upload stands are refused */
    bool fails_overlong;       /* content past the length ends the session; else it stays */
    bool tells_length_first;   /* content for a complete upload is one of inconsistent length */
};

/* That of a request: where it names none, or one that is not known here, the rules are the newest
 * one's, but its number is 0, and the client is sent no interim answers (appendix "Draft Version
 * Identification"). */
const struct draft_version *draft_version_of(const struct request *req);

#define DRAFT_LENGTH_MAX (SESSION_SIZE_UNKNOWN - 1) /* more than any file has */

/* What a request says of the upload. An offset or a completeness that is malformed is as if it were
 * not there (sections 4.1.1 and 4.1.2). */
struct draft_fields {
    bool has_complete, complete; /* Upload-Complete */
    bool has_offset, has_length;
    uint64_t offset; /* Upload-Offset */
    uint64_t length; /* Upload-Length */
    bool is_length_malformed;
};

void draft_fields_read(const struct request *req, struct draft_fields *out);

/* One request of the draft's. */
struct draft {
    struct request *req;
    struct response *res;
    const struct caller *who;
    const struct draft_version *version;
    struct draft_fields fields;
    struct resumable_state state; /* as last seen */
    bool has_begun;               /* STATE is of the session that this request is to begin */
    struct source body;           /* the request's, counted */
    uint64_t received;
};

void draft_init(struct draft *draft, struct request *req, const struct caller *who,
                struct response *res);

/* Who tells a length that is none must not take it for told. ERR_INVALID. */
bool draft_check_length(const struct draft *draft, struct error *err);

/* ---- draft_create.c ---- */

/* Whether a request to /v1/uploads asks for a resumable upload that this server can offer. */
bool draft_is_creation(struct request *req, const struct caller *who, struct response *res,
                       struct draft *out);
/* Answers it. */
bool draft_create(struct draft *draft, const struct ingest_request *wish, struct error *err);

/* ---- draft_content.c: what creation and append have in common ---- */

/* The length of the upload as the request tells it, if its content begins at OFFSET;
 * SESSION_SIZE_UNKNOWN if it does not. KNOWN is what was told before. Fails with ERR_LENGTH if any
 * two of them differ (section 4.1.3). */
bool draft_length(const struct draft *draft, uint64_t offset, uint64_t known, uint64_t *out,
                  struct error *err);
/* Takes the request's content, which begins at OFFSET, into the session. If CLAIMS tell its digest,
 * none of it counts unless that holds; NULL: it is the whole upload, of which the session knows. */
bool draft_take(struct draft *draft, uint64_t offset, bool is_append,
                const struct digest_claims *claims, struct error *err);
/* The request has brought the end: makes the upload and answers with its record. */
bool draft_finish(struct draft *draft, struct error *err);

/* ---- draft_answer.c ---- */

/* Upload-Limit; MAX_SIZE bytes is what a file may have, SECONDS_LEFT what the session has left. */
const char *draft_limits(const struct draft *draft, uint64_t max_size, uint64_t seconds_left);
/* That of the session. */
const char *draft_session_limits(const struct draft *draft);
/* The session's URL, as a path. Fails with ERR_INVALID if the query is malformed. */
bool draft_location(const struct draft *draft, const char **out, struct error *err);
/* Upload-Offset and Upload-Complete, whatever becomes of the answer. */
void draft_tell_state(const struct draft *draft, uint64_t offset, bool complete);
/* Where the upload of a complete session is. Nothing of a partial: that is none. */
void draft_tell_upload(const struct draft *draft);
/* ERR stands for the answer: adds what the client needs to go on. A session that the request has
 * begun and that nobody will go on with ends without a trace. Returns false. */
bool draft_fail(struct draft *draft, struct error *err);

#endif
