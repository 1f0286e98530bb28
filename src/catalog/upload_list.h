/* Pages of uploads: filters, orders, and where the next page begins. */
#ifndef CATALOG_UPLOAD_LIST_H
#define CATALOG_UPLOAD_LIST_H

#include "catalog/upload.h"

enum upload_order {
    UPLOAD_BY_TIME,
    UPLOAD_BY_SIZE,
    UPLOAD_BY_DURATION, /* those without one count as shorter than all */
    UPLOAD_BY_NAME      /* by the bytes of the name */
};

/* The last row of the page before. */
struct upload_position {
    bool set;         /* false: from the start */
    int64_t number;   /* the time in microseconds, the size in bytes, or the duration in ms */
    const char *name; /* for UPLOAD_BY_NAME */
    struct uuid id;
};

struct upload_filter {
    bool has_status; /* false: everything but the trash */
    enum upload_status status;
    const char *file_type;      /* NULL: any */
    const char *name_contains;  /* NULL: any; ASCII letters match without case */
    const char *sha256;         /* NULL: any */
    int64_t uploaded_after_us;  /* 0: any */
    int64_t uploaded_before_us; /* 0: any */
};

/* Metadata of one page's uploads; the one that goes over it is the page's last. */
#define UPLOAD_PAGE_METADATA_BYTES ((size_t)8 * 1024 * 1024)

/* So many uploads at most are looked at for one page, where a filter may find few among many. */
#define UPLOAD_PAGE_LOOKS 10000

/*
 * At most LIMIT uploads of the workspace that match FILTER, in ORDER (ties by id), behind POSITION;
 * fewer, or none, where their metadata is large or the filter finds few. *NEXT is where the next
 * page begins, not set if this is the last. A page costs the same at any depth, of any number.
 */
bool upload_list(struct db *db, struct uuid workspace_id, const struct upload_filter *filter,
                 enum upload_order order, bool descending, const struct upload_position *position,
                 size_t limit, struct arena *mem, struct upload **out, size_t *count,
                 struct upload_position *next, struct error *err);

#endif
