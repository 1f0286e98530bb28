/* Short words for calls that fill a `struct error err` of the test. Behind cmocka.h. */
#ifndef TESTS_LIB_CHECK_H
#define TESTS_LIB_CHECK_H

#include "base/error.h"

/* Fails the test with the error's text unless CALL is true. CALL fills ERR. */
#define check_ok(call)                          \
    do {                                        \
        if (!(call))                            \
            fail_msg("%s: %s", #call, err.log); \
    } while (0)

/* Fails the test unless CALL fails with KIND. */
#define check_fails(call, expected)                                                   \
    do {                                                                              \
        if (call)                                                                     \
            fail_msg("%s succeeded", #call);                                          \
        if (err.kind != (expected))                                                   \
            fail_msg("%s: %s, but kind %d was expected: %s", #call, error_code(&err), \
                     (int)(expected), err.log);                                       \
    } while (0)

#endif
