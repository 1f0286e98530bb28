/* The request methods that the layer knows (RFC 9110 section 9, RFC 5789). */
#ifndef HTTP_METHOD_H
#define HTTP_METHOD_H

#include "base/str.h"

enum http_method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_OTHER /* a method that no route can have */
};
#define METHOD_COUNT METHOD_OTHER

/* "GET"; "OTHER" for METHOD_OTHER. */
const char *method_name(enum http_method method);
/* Methods compare with case; METHOD_OTHER if none of ours has that name. */
enum http_method method_from(struct str name);

#endif
