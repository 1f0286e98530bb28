/* Whether text is JSON, without building anything of it: for what is kept as it came. Pure. */
#ifndef BASE_JSON_CHECK_H
#define BASE_JSON_CHECK_H

#include "base/error.h"
#include "base/str.h"

/*
 * Whether TEXT is one JSON value (RFC 8259) in UTF-8, with blanks around it at most, that nests no
 * deeper than JSON_DEPTH_MAX. Names that are there twice, numbers of any size and lone surrogates
 * in escapes pass: that is grammar. Fails with ERR_BAD_JSON, telling at which byte.
 */
bool json_check(struct str text, struct error *err);

#endif
