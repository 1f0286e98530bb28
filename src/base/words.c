#include "base/words.h"

#include <string.h>

/* One word, which is no longer than TEXT. Gives where it ended. */
static const char *read_word(const char *text, char *out, struct error *err)
{
    char quote = '\0';

    for (; *text && (quote || !strchr(" \t", *text)); text++) {
        if (quote && *text == quote)
            quote = '\0';
        else if (!quote && (*text == '\'' || *text == '"'))
            quote = *text;
        else if (*text == '\\' && quote != '\'') {
            if (!*++text) {
                error_tell(err, ERR_INVALID, "nothing follows the last backslash");
                return NULL;
            }
            *out++ = *text;
        } else
            *out++ = *text;
    }
    *out = '\0';
    if (quote) {
        error_tell(err, ERR_INVALID, "a quote is not closed");
        return NULL;
    }
    return text;
}

bool words_read(const char *text, struct arena *mem, char ***out, size_t *count, struct error *err)
{
    size_t room = strlen(text) / 2 + 2, n = 0;
    char **words = arena_array(mem, room, sizeof *words);

    for (;;) {
        text += strspn(text, " \t");
        if (!*text)
            break;
        words[n] = arena_alloc(mem, strlen(text) + 1);
        text = read_word(text, words[n++], err);
        if (!text)
            return false;
    }
    *out = words;
    *count = n;
    return true;
}
