#include "store/s3_fetch.h"

#include <curl/curl.h>
#include <string.h>

#include "base/scoped.h"

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    return buf_add(context, bytes, size * count) ? size * count : 0;
}

static void easy_release(CURL **handle)
{
    if (*handle)
        curl_easy_cleanup(*handle);
}

static void list_release(struct curl_slist **list)
{
    curl_slist_free_all(*list);
}

static void set_all(CURL *handle, const struct s3_fetch *what, struct curl_slist *headers,
                    struct buf *out, char *why)
{
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_URL, what->url);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, what->timeout_ms);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, what->timeout_ms);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, why);
    if (what->is_near)
        curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    if (what->ca_file)
        curl_easy_setopt(handle, CURLOPT_CAINFO, what->ca_file);
    if (what->body || strcmp(what->method, "GET") != 0) {
        const char *body = what->body ? what->body : "";

        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body);
    }
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, what->method);
}

bool s3_fetch(const struct s3_fetch *what, struct buf *out, struct error *err)
{
    scoped(easy_release) CURL *handle = curl_easy_init();
    scoped(list_release) struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    char why[CURL_ERROR_SIZE] = "";
    long status = 0;
    CURLcode code;

    if (!handle || !headers)
        return error_set(err, ERR_UNAVAILABLE, "libcurl is missing, or has no memory");
    if (what->header)
        headers = curl_slist_append(headers, what->header);
    set_all(handle, what, headers, out, why);
    code = curl_easy_perform(handle);
    if (code != CURLE_OK)
        return error_set(err, ERR_UNAVAILABLE, "%s", *why ? why : curl_easy_strerror(code));
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    return status == 200 || error_set(err, ERR_UNAVAILABLE, "the answer has status %ld", status);
}
