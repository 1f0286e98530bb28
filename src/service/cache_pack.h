/* Packing of results: zstd, where it makes them smaller. Pure functions. */
#ifndef SERVICE_CACHE_PACK_H
#define SERVICE_CACHE_PACK_H

#include "base/arena.h"
#include "base/str.h"

/* What any result may have: databases hold no larger values. */
#define CACHE_DATA_MAX (UINT64_C(512) << 20)

/* *OUT, in MEM, is DATA packed. False if it would not be smaller; *OUT is then untouched. */
bool cache_pack(struct str data, struct arena *mem, struct str *out);

/* *OUT, in MEM and with a NUL behind it, is what PACKED holds: LENGTH bytes exactly, or it is
 * false. Nothing larger than LENGTH, nor than CACHE_DATA_MAX, is made on the way. */
bool cache_unpack(struct str packed, uint64_t length, struct arena *mem, struct str *out);

#endif
