#include "service/filename.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static struct str last_segment(struct str given)
{
    size_t start = given.len;

    while (start > 0 && given.ptr[start - 1] != '/' && given.ptr[start - 1] != '\\')
        start--;
    return (struct str){given.ptr + start, given.len - start};
}

/* C0, DEL, and C1 as UTF-8 writes it (C2 80 to C2 9F). */
static bool has_control_character(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];

        if (c < 0x20 || c == 0x7f)
            return true;
        if (c == 0xc2 && i + 1 < name.len && (unsigned char)name.ptr[i + 1] < 0xa0)
            return true;
    }
    return false;
}

bool filename_check(struct str given, struct arena *mem, const char **out, struct error *err)
{
    struct str name = last_segment(given);

    if (name.len == 0 || str_equal_text(name, ".") || str_equal_text(name, ".."))
        return error_tell(err, ERR_FILENAME, "the upload needs a file name");
    if (name.len > FILENAME_MAX_BYTES)
        return error_tell(err, ERR_FILENAME, "the file name is longer than %d bytes",
                          FILENAME_MAX_BYTES);
    if (!utf8_is_valid(name))
        return error_tell(err, ERR_FILENAME, "the file name is not valid UTF-8");
    if (has_control_character(name))
        return error_tell(err, ERR_FILENAME, "the file name holds a control character");
    *out = arena_strndup(mem, name.ptr, name.len);
    return true;
}

static const char *extension_dot(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot && dot != name ? dot : name + strlen(name);
}

void filename_slug(const char *name, char out[static SLUG_MAX_BYTES + 1])
{
    const char *end = extension_dot(name);
    size_t length = 0;

    for (const char *p = name; p < end && length < SLUG_MAX_BYTES; p++) {
        if (isalnum((unsigned char)*p) && (unsigned char)*p < 0x80)
            out[length++] = *p;
        else if (length > 0 && out[length - 1] != '-')
            out[length++] = *p == '_' ? '_' : '-';
    }
    while (length > 0 && out[length - 1] == '-')
        length--;
    out[length] = '\0';
    if (length == 0)
        strcpy(out, "audio");
}

void filename_extension(const char *name, char out[static EXTENSION_MAX_BYTES + 1])
{
    const char *dot = extension_dot(name);
    size_t length = *dot ? strlen(dot + 1) : 0;

    strcpy(out, "bin");
    if (length == 0 || length > EXTENSION_MAX_BYTES)
        return;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)dot[1 + i]) || (unsigned char)dot[1 + i] >= 0x80)
            return;
    for (size_t i = 0; i <= length; i++)
        out[i] = (char)tolower((unsigned char)dot[1 + i]);
}

bool filename_suits_type(const char *extension, const char *type)
{
    /* Extensions and types of one family: any of them is no surprise for another. */
    static const char *const families[] = {
        " wav wave bwf rf64 bw64 w64 ",
        " aif aiff aifc afc ",
        " ogg oga opus spx ogx ",
        " m4a m4b m4r m4p mp4 3gp 3g2 mov qt alac f4a ",
        " mka mkv webm weba ",
        " au snd ",
        " mp3 mp2 mp1 mpa mpga mpeg ",
        " wma asf wmv ",
        " amr 3ga awb ",
        " mpc mpp ",
        " aac adts ",
        " ac3 eac3 ",
        " dff dsf dsd ",
    };
    char first[32], second[32];

    if (strcmp(extension, type) == 0)
        return true;
    snprintf(first, sizeof first, " %s ", extension);
    snprintf(second, sizeof second, " %s ", type);
    for (size_t i = 0; i < COUNT_OF(families); i++)
        if (strstr(families[i], first) && strstr(families[i], second))
            return true;
    return false;
}

char *filename_object_key(struct uuid user_id, struct uuid id, int64_t time_us, const char *name,
                          struct arena *mem)
{
    char user[UUID_TEXT_SIZE], unique[UUID_TEXT_SIZE], day[TIME_DAY_PATH_SIZE];
    char slug[SLUG_MAX_BYTES + 1], extension[EXTENSION_MAX_BYTES + 1];

    uuid_format(user_id, user);
    uuid_format(id, unique);
    time_to_day_path(time_us, day);
    filename_slug(name, slug);
    filename_extension(name, extension);
    return arena_printf(mem, "uploads/%s/%s/%s-%s.%s", user, day, unique, slug, extension);
}
