/*
 * One attempt to deliver to a webhook: the HTTP request, on libcurl. Whoever drives the multi
 * handle runs it; this knows what is sent, what may be reached, and what an answer means.
 */
#ifndef JOBS_WEBHOOK_REQUEST_H
#define JOBS_WEBHOOK_REQUEST_H

#include <curl/curl.h>

#include "base/buf.h"
#include "catalog/delivery.h"
#include "catalog/webhook.h"
#include "service/receivers.h"

struct webhook_request {
    CURL *easy; /* its private pointer is the caller's */
    struct curl_slist *headers;
    const struct receivers *receivers;
    struct buf body;
    size_t head_bytes;     /* of the answer's head */
    size_t received_bytes; /* of the answer's body, which nobody reads */
    bool is_refused;       /* the address may not be reached */
};

struct webhook_answer {
    bool delivered; /* 2xx */
    long status;    /* 0: none came */
    int64_t duration_ms;
    char error[200]; /* "": it was delivered */
};

/* A request for DELIVERY as an attempt at NOW_US, ready to be added to a multi handle; at most
 * TIMEOUT_MS long. Fails with ERR_INTERNAL. RECEIVERS outlives it. */
bool webhook_request_new(const struct webhook *webhook, const struct delivery *delivery,
                         const struct receivers *receivers, int64_t now_us, int64_t timeout_ms,
                         struct webhook_request **out, struct error *err);
/* It has been removed from the multi handle. */
void webhook_request_free(struct webhook_request *request);
DEFINE_RELEASE(webhook_request, struct webhook_request)

/* What came of it, once libcurl says that it ended with CODE. */
void webhook_request_answer(struct webhook_request *request, CURLcode code,
                            struct webhook_answer *out);

#endif
