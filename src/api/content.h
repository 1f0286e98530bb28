/* Sends the bytes of an upload. */
#ifndef API_CONTENT_H
#define API_CONTENT_H

#include "catalog/upload.h"
#include "http/request.h"
#include "http/response.h"

/* Answers GET and HEAD of UPLOAD's content, which must not be in the trash: preconditions, ranges,
 * and the headers that make it safe to show. ?download=1 makes it an attachment. Where the provider
 * sends the content, the link to it holds for LONGEST_S at most, if that is not 0: what allows REQ
 * ends then. */
bool content_send(struct request *req, const struct upload *upload, uint64_t longest_s,
                  struct response *res, struct error *err);

#endif
