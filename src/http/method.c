#include "http/method.h"

#include "base/scoped.h"

static const char *const names[] = {"GET",   "HEAD",   "POST",    "PUT",
                                    "PATCH", "DELETE", "OPTIONS", "OTHER"};

const char *method_name(enum http_method method)
{
    return names[method];
}

enum http_method method_from(struct str name)
{
    for (unsigned i = 0; i < METHOD_COUNT; i++) {
        if (str_equal_text(name, names[i]))
            return (enum http_method)i;
    }
    return METHOD_OTHER;
}
