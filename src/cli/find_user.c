#include "cli/find_user.h"

#include <string.h>

#include "base/str.h"
#include "base/uuid.h"
#include "cli/view.h"

struct user_search {
    const char *name;
    struct arena *mem;
    const char *id; /* NULL: not found */
};

static bool consider_user(void *context, const json_t *item)
{
    struct user_search *search = context;
    const char *name = view_text(item, "name");

    if (name && strcmp(name, search->name) == 0)
        search->id = arena_strdup(search->mem, view_text(item, "id"));
    return !search->id;
}

bool find_user(const struct connection *connection, const char *named, struct arena *mem,
               const char **out, struct error *err)
{
    struct user_search search = {.name = named, .mem = mem};
    struct connect_list list = {.path = "/v1/users", .each = consider_user, .context = &search};
    struct uuid unused;

    if (uuid_parse(str_from(named), &unused)) {
        *out = named;
        return true;
    }
    if (!connect_each(connection, &list, mem, err))
        return false;
    if (!search.id)
        return error_tell(err, ERR_NOT_FOUND, "there is no user named \"%s\"", named);
    *out = search.id;
    return true;
}
