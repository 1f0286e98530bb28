/* The functions of libcurl that the program uses (base/late.h). */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include <assert.h>
#include <stdarg.h>

#include "base/late.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#define ANSWERING(X)                                                                              \
    X(CURLcode, CURLE_FAILED_INIT, curl_global_init, (long flags), (flags))                       \
    X(CURL *, NULL, curl_easy_init, (void), ())                                                   \
    X(CURLcode, CURLE_FAILED_INIT, curl_easy_perform, (CURL * easy), (easy))                      \
    X(const char *, "libcurl is missing", curl_easy_strerror, (CURLcode code), (code))            \
    X(CURLHcode, CURLHE_NOT_BUILT_IN, curl_easy_header,                                           \
      (CURL * easy, const char *name, size_t index, unsigned origin, int request,                 \
       struct curl_header **out),                                                                 \
      (easy, name, index, origin, request, out))                                                  \
    X(struct curl_slist *, NULL, curl_slist_append, (struct curl_slist * list, const char *text), \
      (list, text))                                                                               \
    X(CURLM *, NULL, curl_multi_init, (void), ())                                                 \
    X(CURLMcode, CURLM_OUT_OF_MEMORY, curl_multi_add_handle, (CURLM * multi, CURL * easy),        \
      (multi, easy))                                                                              \
    X(CURLMcode, CURLM_OUT_OF_MEMORY, curl_multi_remove_handle, (CURLM * multi, CURL * easy),     \
      (multi, easy))                                                                              \
    X(CURLMcode, CURLM_OUT_OF_MEMORY, curl_multi_perform, (CURLM * multi, int *running),          \
      (multi, running))                                                                           \
    X(CURLMcode, CURLM_OUT_OF_MEMORY, curl_multi_poll,                                            \
      (CURLM * multi, struct curl_waitfd extra[], unsigned count, int timeout_ms, int *ready),    \
      (multi, extra, count, timeout_ms, ready))                                                   \
    X(CURLMcode, CURLM_OUT_OF_MEMORY, curl_multi_wakeup, (CURLM * multi), (multi))                \
    X(CURLMcode, CURLM_OUT_OF_MEMORY, curl_multi_cleanup, (CURLM * multi), (multi))               \
    X(CURLMsg *, NULL, curl_multi_info_read, (CURLM * multi, int *left), (multi, left))           \
    X(CURLU *, NULL, curl_url, (void), ())                                                        \
    X(CURLUcode, CURLUE_OUT_OF_MEMORY, curl_url_set,                                              \
      (CURLU * url, CURLUPart part, const char *text, unsigned flags), (url, part, text, flags))  \
    X(CURLUcode, CURLUE_OUT_OF_MEMORY, curl_url_get,                                              \
      (CURLU * url, CURLUPart part, char **out, unsigned flags), (url, part, out, flags))

#define RELEASING(X)                                           \
    X(curl_global_cleanup, (void), ())                         \
    X(curl_easy_cleanup, (CURL * easy), (easy))                \
    X(curl_easy_reset, (CURL * easy), (easy))                  \
    X(curl_slist_free_all, (struct curl_slist * list), (list)) \
    X(curl_url_cleanup, (CURLU * url), (url))                  \
    X(curl_free, (void *memory), (memory))

/* X(type of the answer, answer without the library, name, handle, option); one argument follows */
#define OPTIONS(X)                                                     \
    X(CURLcode, CURLE_FAILED_INIT, curl_easy_setopt, CURL, CURLoption) \
    X(CURLcode, CURLE_FAILED_INIT, curl_easy_getinfo, CURL, CURLINFO)  \
    X(CURLMcode, CURLM_OUT_OF_MEMORY, curl_multi_setopt, CURLM, CURLMoption)

static_assert(sizeof(long) == sizeof(void *) && sizeof(curl_off_t) == sizeof(void *),
              "the argument of an option can be passed on as a pointer, whatever it is");

#define MEMBER_OPTION(type, without, name, handle, option) type (*name)(handle *, option, ...);
static struct {
    ANSWERING(LATE_MEMBER)
    RELEASING(LATE_MEMBER_VOID)
    OPTIONS(MEMBER_OPTION)
} functions;

static const struct late_symbol symbols[] = {ANSWERING(LATE_SYMBOL) RELEASING(LATE_SYMBOL_VOID)
                                                 OPTIONS(LATE_SYMBOL)};

static struct late_library library = LATE_LIBRARY("libcurl.so.4"); /* its ABI since 2006 */

ANSWERING(LATE_PASS_ON)
RELEASING(LATE_PASS_ON_VOID)

#define PASS_ON_OPTION(type, without, name, handle_type, option_type)                   \
    type name(handle_type *handle, option_type option, ...)                             \
    {                                                                                   \
        va_list arguments;                                                              \
        void *value;                                                                    \
                                                                                        \
        va_start(arguments, option);                                                    \
        value = va_arg(arguments, void *);                                              \
        va_end(arguments);                                                              \
        return late_loaded(&library) ? functions.name(handle, option, value) : without; \
    }
OPTIONS(PASS_ON_OPTION)
