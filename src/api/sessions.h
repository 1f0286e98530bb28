/* Upload sessions as the three protocols for them show them. */
#ifndef API_SESSIONS_H
#define API_SESSIONS_H

#include "api/emit.h"
#include "api/endpoint.h"
#include "service/resumable.h"

#define UPLOAD_CHUNKS_MAX 10000 /* of one upload */
#define CHUNK_BYTES_MIN ((uint64_t)256 << 10)
#define CHUNK_BYTES_MAX ((uint64_t)5 << 30)
#define CHUNK_BYTES_USUAL ((uint64_t)5 << 20)

/* The size of the chunks of a file of FILE_SIZE bytes for which nobody chose one. */
uint64_t session_usual_chunk_size(uint64_t file_size);
/* That by which a session's chunks are counted; 0 while its length is not known. */
uint64_t session_chunk_size(const struct session *session);

/* The path's {id} among the caller's workspace's sessions. ERR_NOT_FOUND. */
bool session_of_request(struct request *req, const struct caller *who, struct resumable_state *out,
                        struct error *err);

/* Writes a session, as the member NAME or where that is NULL as an item. */
void view_session(struct emitter *json, const char *name, const struct resumable_state *state);

/* For struct resumable_write: CONTEXT is the request. */
void session_interrupt(void *context);

#endif
