/* The description of the API (OpenAPI 3.1), made at build time from openapi.json. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include <stddef.h>

extern const char openapi_document[];
extern const size_t openapi_document_length; /* bytes; there is no NUL */

#endif
