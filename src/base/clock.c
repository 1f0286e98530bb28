#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t timespec_us(const struct timespec *t)
{
    return (int64_t)t->tv_sec * US_PER_S + t->tv_nsec / 1000;
}

static int64_t system_now_us(const struct clock *self)
{
    struct timespec t;

    (void)self;
    clock_gettime(CLOCK_REALTIME, &t);
    return timespec_us(&t);
}

const struct clock clock_system = {.now_us = system_now_us};

int64_t clock_monotonic_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return timespec_us(&t);
}

int64_t clock_boot_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return timespec_us(&t);
}

/* Splits into whole seconds, rounded down, and the microseconds that remain. */
static struct tm split(int64_t time_us, int *fraction_us)
{
    int64_t seconds = time_us / US_PER_S;
    int64_t rest = time_us % US_PER_S;
    struct tm parts;
    time_t t;

    if (rest < 0) {
        rest += US_PER_S;
        seconds--;
    }
    t = (time_t)seconds;
    gmtime_r(&t, &parts);
    *fraction_us = (int)rest;
    return parts;
}

void time_to_rfc3339(int64_t time_us, char out[static TIME_RFC3339_SIZE])
{
    int us;
    struct tm t = split(time_us, &us);
    char text[64];

    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", t.tm_year + 1900,
             t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, us);
    memcpy(out, text, TIME_RFC3339_SIZE - 1);
    out[TIME_RFC3339_SIZE - 1] = '\0';
}

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void time_to_http(int64_t time_us, char out[static TIME_HTTP_SIZE])
{
    int us;
    struct tm t = split(time_us, &us);
    char text[64];

    snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[t.tm_wday], t.tm_mday,
             months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    memcpy(out, text, TIME_HTTP_SIZE - 1);
    out[TIME_HTTP_SIZE - 1] = '\0';
}

void time_to_period(int64_t time_us, char out[static TIME_PERIOD_SIZE])
{
    char text[TIME_RFC3339_SIZE];

    time_to_rfc3339(time_us, text);
    memcpy(out, text, TIME_PERIOD_SIZE - 1);
    out[TIME_PERIOD_SIZE - 1] = '\0';
}

void time_to_day_path(int64_t time_us, char out[static TIME_DAY_PATH_SIZE])
{
    char text[TIME_RFC3339_SIZE];

    time_to_rfc3339(time_us, text);
    memcpy(out, text, TIME_DAY_PATH_SIZE - 1);
    out[TIME_DAY_PATH_SIZE - 1] = '\0';
    out[4] = out[7] = '/';
}

/* ---- reading ---- */

/* Takes exactly DIGITS digits. */
static bool take_number(struct str *text, size_t digits, int *out)
{
    uint64_t value;

    if (text->len < digits || !str_to_u64((struct str){text->ptr, digits}, 9999, &value))
        return false;
    *out = (int)value;
    *text = (struct str){text->ptr + digits, text->len - digits};
    return true;
}

static bool take_text(struct str *text, const char *expected)
{
    size_t length = strlen(expected);

    if (!str_starts_with(*text, expected))
        return false;
    *text = (struct str){text->ptr + length, text->len - length};
    return true;
}

/* The moment that T names in UTC; false if there is no such date or time of day. Second 60 is taken
 * for the next minute's start. */
static bool moment(struct tm t, int64_t fraction_us, int64_t *out_us)
{
    struct tm day = t;
    time_t seconds;

    if (t.tm_hour > 23 || t.tm_min > 59 || t.tm_sec > 60 || t.tm_year < 0 - 1899)
        return false;
    seconds = timegm(&t);
    day.tm_hour = day.tm_min = day.tm_sec = 0;
    struct tm normal = day;
    timegm(&normal);
    if (normal.tm_mday != day.tm_mday || normal.tm_mon != day.tm_mon)
        return false;
    *out_us = (int64_t)seconds * US_PER_S + fraction_us;
    return true;
}

static bool take_date(struct str *text, struct tm *t)
{
    if (!take_number(text, 4, &t->tm_year) || !take_text(text, "-") ||
        !take_number(text, 2, &t->tm_mon) || !take_text(text, "-") ||
        !take_number(text, 2, &t->tm_mday))
        return false;
    t->tm_year -= 1900;
    t->tm_mon -= 1;
    return true;
}

static bool take_time_of_day(struct str *text, struct tm *t)
{
    return take_number(text, 2, &t->tm_hour) && take_text(text, ":") &&
           take_number(text, 2, &t->tm_min) && take_text(text, ":") &&
           take_number(text, 2, &t->tm_sec);
}

/* ".123": 1 to 9 digits, of which those past the microseconds are dropped. */
static bool take_fraction(struct str *text, int64_t *us)
{
    int64_t unit = US_PER_S;
    size_t digits = 0;

    *us = 0;
    if (!take_text(text, "."))
        return true;
    for (; text->len > 0 && text->ptr[0] >= '0' && text->ptr[0] <= '9'; digits++) {
        unit /= 10;
        *us += unit * (text->ptr[0] - '0');
        *text = (struct str){text->ptr + 1, text->len - 1};
    }
    return digits >= 1 && digits <= 9;
}

static bool take_offset(struct str *text, int64_t *us)
{
    int sign, hours, minutes;

    *us = 0;
    if (take_text(text, "Z") || take_text(text, "z"))
        return true;
    sign = take_text(text, "+") ? 1 : take_text(text, "-") ? -1 : 0;
    if (sign == 0 || !take_number(text, 2, &hours) || !take_text(text, ":") ||
        !take_number(text, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *us = sign * (int64_t)(hours * 60 + minutes) * 60 * US_PER_S;
    return true;
}

bool time_from_rfc3339(struct str text, int64_t *out_us)
{
    struct tm t = {0};
    int64_t fraction = 0, offset = 0, at;

    if (!take_date(&text, &t))
        return false;
    if (text.len > 0) {
        if (!take_text(&text, "T") && !take_text(&text, "t") && !take_text(&text, " "))
            return false;
        if (!take_time_of_day(&text, &t) || !take_fraction(&text, &fraction) ||
            !take_offset(&text, &offset) || text.len > 0)
            return false;
    }
    if (!moment(t, fraction, &at))
        return false;
    *out_us = at - offset;
    return true;
}

static bool take_name(struct str *text, const char (*names)[4], int count, int *out)
{
    for (int i = 0; i < count; i++)
        if (take_text(text, names[i])) {
            *out = i;
            return true;
        }
    return false;
}

/* "24 Nov 1994 08:49:37 GMT" or "24-Nov-94 08:49:37 GMT", behind the day's name. */
static bool take_dashed_or_spaced(struct str *text, struct tm *t)
{
    bool old;

    if (!take_number(text, 2, &t->tm_mday))
        return false;
    old = take_text(text, "-");
    if (!old && !take_text(text, " "))
        return false;
    if (!take_name(text, months, 12, &t->tm_mon) || !take_text(text, old ? "-" : " ") ||
        !take_number(text, old ? 2 : 4, &t->tm_year))
        return false;
    if (old)
        t->tm_year += t->tm_year < 70 ? 100 : 0;
    else
        t->tm_year -= 1900;
    return take_text(text, " ") && take_time_of_day(text, t) && take_text(text, " GMT");
}

/* "Nov  6 08:49:37 1994", behind the day's name: what asctime gives. */
static bool take_asctime(struct str *text, struct tm *t)
{
    if (!take_name(text, months, 12, &t->tm_mon) || !take_text(text, " "))
        return false;
    if (!(take_text(text, " ") ? take_number(text, 1, &t->tm_mday)
                               : take_number(text, 2, &t->tm_mday)))
        return false;
    if (!take_text(text, " ") || !take_time_of_day(text, t) || !take_text(text, " ") ||
        !take_number(text, 4, &t->tm_year))
        return false;
    t->tm_year -= 1900;
    return true;
}

bool time_from_http(struct str text, int64_t *out_us)
{
    static const char *const rest_of_day[] = {"day, ", "sday, ", "nesday, ", "rsday, ", "urday, "};
    struct tm t = {0};
    int day;
    bool taken;

    if (!take_name(&text, days, 7, &day))
        return false;
    if (take_text(&text, " ")) {
        taken = take_asctime(&text, &t);
    } else {
        taken = take_text(&text, ", ");
        for (size_t i = 0; !taken && i < sizeof rest_of_day / sizeof *rest_of_day; i++)
            taken = take_text(&text, rest_of_day[i]);
        taken = taken && take_dashed_or_spaced(&text, &t);
    }
    return taken && text.len == 0 && moment(t, 0, out_us);
}
