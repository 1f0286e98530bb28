/*
 * Values to and from PostgreSQL. Parameters go as text, which the server reads as whatever type
 * stands beside them (an integer as BIGINT or NUMERIC, a text as JSONB), only bytes as they are.
 * Columns come in binary, so that no setting of the session changes how they are written.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "db/postgres.h"

/* pg_type.dat; libpq's headers do not say. */
enum type_oid {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_FLOAT8 = 701,
    OID_TIMESTAMPTZ = 1184,
    OID_NUMERIC = 1700,
    OID_UUID = 2950,
    OID_JSONB = 3802,
};

/* Microseconds from 1970, where ours begin, to 2000, where the server's do. */
#define EPOCH_US (INT64_C(946684800) * US_PER_S)
#define YEAR_1_US (INT64_C(-62135596800) * US_PER_S)
#define YEAR_10000_US (INT64_C(253402300800) * US_PER_S)

/* ---- parameters ---- */

static void encode_milli(int64_t thousandths, char *out)
{
    uint64_t size = thousandths < 0 ? -(uint64_t)thousandths : (uint64_t)thousandths;

    snprintf(out, POSTGRES_TEXT_SIZE, "%s%" PRIu64 ".%03u", thousandths < 0 ? "-" : "", size / 1000,
             (unsigned)(size % 1000));
}

static void encode_time(int64_t time_us, char *out)
{
    if (time_us < YEAR_1_US)
        snprintf(out, POSTGRES_TEXT_SIZE, "-infinity");
    else if (time_us >= YEAR_10000_US)
        snprintf(out, POSTGRES_TEXT_SIZE, "infinity");
    else
        time_to_rfc3339(time_us, out);
}

/* NULL for SQL NULL; text in OUT, or the argument's own. */
static const char *encode_text(const struct db_value *value, char *out)
{
    switch (value->type) {
    case DB_NULL:
        return NULL;
    case DB_INT:
        snprintf(out, POSTGRES_TEXT_SIZE, "%" PRId64, value->integer);
        return out;
    case DB_DECIMAL3:
        encode_milli(value->integer, out);
        return out;
    case DB_TIME:
        encode_time(value->integer, out);
        return out;
    case DB_BOOL: /* "1", which SMALLINT takes as well as BOOLEAN */
        return value->integer ? "1" : "0";
    case DB_UUID:
        uuid_format(value->uuid, out);
        return out;
    case DB_TEXT:
        return value->text;
    case DB_BYTES:
        return value->length > 0 ? value->bytes : "";
    }
    assert(false);
    return NULL;
}

void postgres_encode(const struct db_value *args, size_t count, struct postgres_parameters *out)
{
    assert(count <= POSTGRES_PARAMETERS_MOST);
    out->count = (int)count;
    for (size_t i = 0; i < count; i++) {
        bool binary = args[i].type == DB_BYTES;
        out->values[i] = encode_text(&args[i], out->texts[i]);
        out->lengths[i] = binary ? (int)args[i].length : 0;
        out->formats[i] = binary;
    }
}

/* ---- columns: big-endian ---- */

static uint64_t big_endian(const char *bytes, size_t length)
{
    uint64_t value = 0;

    for (size_t i = 0; i < length; i++)
        value = value << 8 | (unsigned char)bytes[i];
    return value;
}

static int16_t int16_at(const char *bytes)
{
    return (int16_t)big_endian(bytes, 2);
}

static double decode_float8(const char *bytes)
{
    uint64_t bits = big_endian(bytes, 8);
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/*
 * numeric_send of numeric.c: count of digits, weight of the first, sign, scale, then the digits,
 * each of four decimal ones. Gives 10 to the power PLACES, 0 or 3, times the number: thousandths
 * are rounded, whole ones cut off, as SQLite's are. The widest sums of ours are far below what 128
 * bits hold, and what is beyond 64 becomes the largest there is.
 */
static int64_t decode_numeric(const char *bytes, size_t length, int places)
{
    enum { HEAD = 8, DIGIT_PLACES = 4, WEIGHT_MOST = 6 };
    int count = int16_at(bytes), weight = int16_at(bytes + 2);
    bool negative = (uint16_t)int16_at(bytes + 4) == 0x4000;
    __int128 value = 0;

    assert(length >= HEAD + (size_t)count * 2);
    if (weight > WEIGHT_MOST)
        return negative ? INT64_MIN : INT64_MAX;
    for (int i = 0; i <= weight + 1; i++) /* one digit behind the point is enough for PLACES */
        value = value * 10000 + (i < count ? int16_at(bytes + HEAD + i * 2) : 0);
    if (weight < -1)
        value = 0;
    if (places > 0)
        value += 5;
    for (int cut = DIGIT_PLACES - places; cut > 0; cut--)
        value /= 10;
    if (value > INT64_MAX)
        return negative ? INT64_MIN : INT64_MAX;
    return negative ? -(int64_t)value : (int64_t)value;
}

static int64_t decode_time(const char *bytes)
{
    int64_t time_us = (int64_t)big_endian(bytes, 8);

    if (time_us == INT64_MIN || time_us == INT64_MAX)
        return time_us;
    return time_us + EPOCH_US;
}

/* What an integer, a decimal or a truth says, times 10 to the power PLACES, 0 or 3. */
static int64_t decode_number(Oid oid, const char *bytes, size_t length, int places)
{
    int64_t unit = places == 3 ? 1000 : 1;

    switch (oid) {
    case OID_BOOL:
        return bytes[0] * unit;
    case OID_INT2:
        return int16_at(bytes) * unit;
    case OID_INT4:
        return (int32_t)big_endian(bytes, 4) * unit;
    case OID_INT8:
        return (int64_t)big_endian(bytes, 8) * unit;
    case OID_NUMERIC:
        return decode_numeric(bytes, length, places);
    case OID_FLOAT8:
        return (int64_t)(decode_float8(bytes) * (double)unit);
    case OID_TIMESTAMPTZ:
        return decode_time(bytes);
    default:
        assert(!"a column that is no number is read as one");
        return 0;
    }
}

static struct db_value decode_uuid(Oid oid, const char *bytes, size_t length)
{
    struct uuid id = {{0}};

    if (oid == OID_UUID)
        memcpy(id.bytes, bytes, sizeof id.bytes);
    else if (!uuid_parse((struct str){bytes, length},
                         &id)) /* a column that holds other words too */
        id = (struct uuid){{0}};
    return db_uuid(id);
}

static struct db_value decode_text(Oid oid, const char *bytes, size_t length, struct arena *mem)
{
    switch (oid) {
    case OID_UUID: {
        char *text = arena_alloc(mem, UUID_TEXT_SIZE);
        uuid_format(decode_uuid(oid, bytes, length).uuid, text);
        return db_text(text);
    }
    case OID_JSONB: /* behind the number of its format */
        return db_text(bytes + 1);
    case OID_BOOL:
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
        return db_text(arena_printf(mem, "%" PRId64, decode_number(oid, bytes, length, 0)));
    default: /* TEXT and its like; libpq puts a NUL behind each value */
        return db_text(bytes);
    }
}

struct db_value postgres_decode(Oid oid, const char *bytes, size_t length, enum db_type type,
                                struct arena *mem)
{
    switch (type) {
    case DB_TEXT:
        return decode_text(oid, bytes, length, mem);
    case DB_UUID:
        return decode_uuid(oid, bytes, length);
    case DB_BYTES:
        return db_bytes(bytes, length);
    case DB_DECIMAL3:
        return db_milli(decode_number(oid, bytes, length, 3));
    case DB_NULL: /* asked only whether there is a value */
        return db_int(0);
    default:
        return db_int(decode_number(oid, bytes, length, 0));
    }
}
