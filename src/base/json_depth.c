#include "base/json_depth.h"

bool json_depth_is_bounded(const char *text, size_t length)
{
    bool in_string = false;
    unsigned depth = 0;

    for (size_t i = 0; i < length; i++) {
        char c = text[i];

        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '[') && ++depth > JSON_DEPTH_MAX)
            return false;
        else if (!in_string && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return true;
}
