#include "crypto/token.h"

#include <string.h>

#define TOKEN_MARK "at_"
#define TOKEN_RANDOM_BYTES 32

void token_make(const struct random_source *random, struct token_secret *out)
{
    uint8_t bytes[TOKEN_RANDOM_BYTES];

    random->fill(random, bytes, sizeof bytes);
    memcpy(out->text, TOKEN_MARK, strlen(TOKEN_MARK));
    base64url_encode(bytes, sizeof bytes, out->text + strlen(TOKEN_MARK));
    memcpy(out->prefix, out->text, TOKEN_PREFIX_SIZE - 1);
    out->prefix[TOKEN_PREFIX_SIZE - 1] = '\0';
    sha256_of(out->text, TOKEN_TEXT_SIZE - 1, out->hash);
    explicit_bzero(bytes, sizeof bytes);
}

bool token_hash(struct str text, uint8_t out[static SHA256_BYTES])
{
    uint8_t bytes[TOKEN_RANDOM_BYTES];
    struct str rest = {text.ptr + strlen(TOKEN_MARK), text.len - strlen(TOKEN_MARK)};
    size_t length;

    if (text.len != TOKEN_TEXT_SIZE - 1 || !str_starts_with(text, TOKEN_MARK) ||
        !base64url_decode(rest, bytes, sizeof bytes, &length))
        return false;
    sha256_of(text.ptr, text.len, out);
    return true;
}
