/*
 * The functions of libcurl that the program uses, each passed on to the shared library, which is
 * loaded at the first call. Linked in the usual way, libcurl and the two dozen libraries behind it
 * (TLS twice, Kerberos, LDAP, SSH) would cost every server 3 MiB, though most never send a webhook.
 *
 * Callers include <curl/curl.h> and know nothing of it. If the library can't be loaded, each
 * function answers what it answers when it is out of memory, and the cause is logged once.
 */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include <assert.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "base/log.h"
#include "base/scoped.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#define LIBRARY "libcurl.so.4" /* its ABI since 2006 */

/* X(type of the answer, answer without the library, name, parameters, arguments) */
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

/* X(name, parameters, arguments); without the library there is nothing to release */
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

#define MEMBER(type, without, name, parameters, arguments) type(*name) parameters;
#define MEMBER_RELEASING(name, parameters, arguments) void(*name) parameters;
#define MEMBER_OPTION(type, without, name, handle, option) type (*name)(handle *, option, ...);
static struct {
    ANSWERING(MEMBER)
    RELEASING(MEMBER_RELEASING)
    OPTIONS(MEMBER_OPTION)
} library;

struct symbol {
    const char *name;
    void *function; /* its pointer in LIBRARY */
};

#define SYMBOL(type, without, name, parameters, arguments) {#name, &library.name},
#define SYMBOL_RELEASING(name, parameters, arguments) {#name, &library.name},
static const struct symbol symbols[] = {ANSWERING(SYMBOL) RELEASING(SYMBOL_RELEASING)
                                            OPTIONS(SYMBOL)};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_bool is_loaded;

static void load(void)
{
    void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    for (size_t i = 0; handle && i < COUNT_OF(symbols); i++) {
        void *address = dlsym(handle, symbols[i].name);

        if (!address)
            handle = NULL;
        else
            memcpy(symbols[i].function, &address, sizeof address);
    }
    is_loaded = handle != NULL;
    if (!is_loaded)
        log_event(LOG_ERROR, "library missing", log_text("error", dlerror()));
}

static bool loaded(void)
{
    pthread_once(&once, load);
    return is_loaded;
}

#define PASS_ON(type, without, name, parameters, arguments) \
    type name parameters                                    \
    {                                                       \
        return loaded() ? library.name arguments : without; \
    }
ANSWERING(PASS_ON)

#define PASS_ON_RELEASING(name, parameters, arguments) \
    void name parameters                               \
    {                                                  \
        if (is_loaded)                                 \
            library.name arguments;                    \
    }
RELEASING(PASS_ON_RELEASING)

#define PASS_ON_OPTION(type, without, name, handle_type, option_type)    \
    type name(handle_type *handle, option_type option, ...)              \
    {                                                                    \
        va_list arguments;                                               \
        void *value;                                                     \
                                                                         \
        va_start(arguments, option);                                     \
        value = va_arg(arguments, void *);                               \
        va_end(arguments);                                               \
        return loaded() ? library.name(handle, option, value) : without; \
    }
OPTIONS(PASS_ON_OPTION)
