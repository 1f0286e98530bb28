/* Limits and lifecycle of a quota, as clients send them. */
#ifndef API_QUOTA_INPUT_H
#define API_QUOTA_INPUT_H

#include <jansson.h>

#include "catalog/quota.h"

/* Changes what OBJECT names; null takes a limit away. Texts live as long as OBJECT. Fails with
 * ERR_INVALID, naming the member. */
bool quota_input(const json_t *object, struct quota_limits *limits,
                 struct quota_lifecycle *lifecycle, struct error *err);
/* The same, where only limits may be given. */
bool quota_input_limits(const json_t *object, struct quota_limits *limits, struct error *err);

#endif
