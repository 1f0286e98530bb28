/*
 * What is sent to a webhook, by the Standard Webhooks scheme (standardwebhooks.com): a JSON body
 * and three headers, of which the last holds an HMAC-SHA256 over the other two and the body.
 */
#ifndef SERVICE_WEBHOOK_MESSAGE_H
#define SERVICE_WEBHOOK_MESSAGE_H

#include "base/buf.h"
#include "base/random.h"
#include "catalog/delivery.h"
#include "catalog/webhook.h"

/* "whsec_", base64 of at most WEBHOOK_SECRET_MAX bytes, NUL. */
#define WEBHOOK_SECRET_TEXT_SIZE 95

void webhook_secret_make(const struct random_source *random, struct webhook_secret *out);
void webhook_secret_format(const struct webhook_secret *secret,
                           char out[static WEBHOOK_SECRET_TEXT_SIZE]);
/* Fails with ERR_INVALID if TEXT is not "whsec_" and base64 of 24 to 64 bytes. */
bool webhook_secret_parse(const char *text, struct webhook_secret *out, struct error *err);

/* Two signatures at most: "v1," and base64 of 32 bytes each, a blank between them, NUL. */
#define WEBHOOK_SIGNATURE_SIZE 96

/* The value of webhook-signature for a message of ID sent at TIMESTAMP_S: by the webhook's secret,
 * and by the one before where that is still good. */
void webhook_sign(const struct webhook *webhook, const char *id, int64_t timestamp_s,
                  struct str body, char out[static WEBHOOK_SIGNATURE_SIZE]);

/* The body of DELIVERY: its event's line of JSON (event_text.h). */
bool webhook_body(struct buf *out, const struct delivery *delivery);

#endif
