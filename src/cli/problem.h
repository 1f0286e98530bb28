/* What a server's refusal says, as an error. */
#ifndef CLI_PROBLEM_H
#define CLI_PROBLEM_H

#include <jansson.h>

#include "base/error.h"

/*
 * Fills ERR from an answer with STATUS: kind by the problem's code (RFC 9457; by the status where
 * there is no code, or one that this version does not know), and one sentence that ends with the
 * code in brackets. PROBLEM may be NULL. Returns false.
 */
bool problem_to_error(long status, const json_t *problem, struct error *err);

#endif
