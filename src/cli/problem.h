/* What a server's refusal says, as an error. */
#ifndef CLI_PROBLEM_H
#define CLI_PROBLEM_H

#include <jansson.h>

#include "base/error.h"

/*
 * Fills ERR from an answer with STATUS: kind by the problem's code (RFC 9457), and one sentence,
 * which in the log ends with the code in brackets. Without a code, or with one that this version
 * does not know, it is ERR_UNAVAILABLE: such an answer need not be the server's, and may be another
 * the next time. PROBLEM may be NULL. Returns false.
 */
bool problem_to_error(long status, const json_t *problem, struct error *err);
/* The same for an answer to HEAD, which has no room for a code: kind by the status. */
bool problem_of_head(long status, struct error *err);

#endif
