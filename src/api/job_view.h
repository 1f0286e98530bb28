/* Jobs as JSON, as openapi.json describes them. */
#ifndef API_JOB_VIEW_H
#define API_JOB_VIEW_H

#include "api/emit.h"
#include "catalog/job.h"
#include "http/response.h"

/* An item of a list; SECRET adds what its holder alone may know: token, where the content is. */
void view_job(struct emitter *json, const struct job *job, bool secret);
bool view_answer_job(struct response *res, int status, const struct job *job, bool secret,
                     struct error *err);

#endif
