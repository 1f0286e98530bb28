/* What the view storage_usage_by_workspace says, at the same cost however much there is. */
#ifndef CATALOG_USAGE_H
#define CATALOG_USAGE_H

#include "catalog/quota.h"

struct usage {
    struct uuid workspace_id;
    const char *workspace_name;
    uint64_t file_count;  /* live ones */
    uint64_t total_bytes; /* of live ones */
    double avg_file_size;
    int64_t oldest_file_us; /* 0: there is none */
    int64_t newest_file_us;
    struct quota_limit max_storage_bytes;
    struct quota_limit remaining_bytes;
};

/* Of one workspace, or of all if it is nil; at most LIMIT whose id is greater than AFTER. */
bool usage_list(struct db *db, struct uuid workspace_id, struct uuid after, size_t limit,
                struct arena *mem, struct usage **out, size_t *count, struct error *err);

#endif
