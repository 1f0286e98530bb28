#include "service/webhook_message.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "crypto/signed_link.h"
#include "service/event_text.h"

#define SECRET_MARK "whsec_"
#define SECRET_BYTES 32
#define HMAC_BYTES 32
#define SIGNATURE_MARK "v1,"

void webhook_secret_make(const struct random_source *random, struct webhook_secret *out)
{
    *out = (struct webhook_secret){.length = SECRET_BYTES};
    random->fill(random, out->bytes, SECRET_BYTES);
}

void webhook_secret_format(const struct webhook_secret *secret,
                           char out[static WEBHOOK_SECRET_TEXT_SIZE])
{
    memcpy(out, SECRET_MARK, strlen(SECRET_MARK));
    base64_encode(secret->bytes, secret->length, out + strlen(SECRET_MARK));
}

bool webhook_secret_parse(const char *text, struct webhook_secret *out, struct error *err)
{
    struct webhook_secret secret = {.length = 0};

    if (!str_starts_with(str_from(text), SECRET_MARK) ||
        !base64_decode(str_from(text + strlen(SECRET_MARK)), secret.bytes, sizeof secret.bytes,
                       &secret.length) ||
        secret.length < WEBHOOK_SECRET_MIN)
        return error_tell(err, ERR_INVALID, "secret must be whsec_ and base64 of %d to %d bytes",
                          WEBHOOK_SECRET_MIN, WEBHOOK_SECRET_MAX);
    *out = secret;
    return true;
}

/* Appends "v1,…" at AT; gives where it ends. */
static char *sign_with(const struct webhook_secret *secret, const struct buf *signed_text, char *at)
{
    uint8_t hmac[HMAC_BYTES];

    hmac_sha256(secret->bytes, secret->length, signed_text->bytes, signed_text->length, hmac);
    memcpy(at, SIGNATURE_MARK, strlen(SIGNATURE_MARK));
    base64_encode(hmac, sizeof hmac, at + strlen(SIGNATURE_MARK));
    return at + strlen(at);
}

void webhook_sign(const struct webhook *webhook, const char *id, int64_t timestamp_s,
                  struct str body, char out[static WEBHOOK_SIGNATURE_SIZE])
{
    scoped(buf_release) struct buf text = {0};
    char *end;

    buf_init(&text, strlen(id) + body.len + 64);
    buf_printf(&text, "%s.%lld.", id, (long long)timestamp_s);
    buf_add(&text, body.ptr, body.len);
    end = sign_with(&webhook->secret, &text, out);
    if (webhook->previous_secret.length == 0 ||
        timestamp_s * US_PER_S >= webhook->previous_secret_expires_at_us)
        return;
    *end++ = ' ';
    sign_with(&webhook->previous_secret, &text, end);
}

bool webhook_body(struct buf *out, const struct delivery *delivery)
{
    return event_line(out, delivery->event_sequence, delivery->event_type, delivery->event_at_us,
                      delivery->workspace_id, delivery->event_data);
}
