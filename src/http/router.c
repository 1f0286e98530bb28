#include "http/router.h"

#include <assert.h>

#include "http/query.h"
#include "http/text.h"

/* One place in the trie of segments. Children with text are few (a dozen at most), so they are a
 * list. */
struct node {
    struct str text;       /* of the segment that leads here */
    struct node *children; /* by text */
    struct node *next;     /* the parent's next child */
    struct node *any;      /* "{name}": any segment */
    struct node *rest;     /* "{name...}": everything that is left */
    const char *name;      /* the parameter's, if this is one */
    const struct route *routes[METHOD_COUNT];
};

struct router {
    struct arena *mem;
    struct node root;
    const struct route *table;
    size_t count;
};

static bool is_parameter(struct str segment)
{
    return str_starts_with(segment, "{") && str_ends_with(segment, "}");
}

static struct node *parameter_node(struct router *router, struct node **slot, struct str name)
{
    if (!*slot) {
        *slot = arena_alloc(router->mem, sizeof **slot);
        (*slot)->name = arena_strndup(router->mem, name.ptr, name.len);
    }
    assert(str_equal_text(name, (*slot)->name));
    return *slot;
}

static struct node *text_node(struct router *router, struct node *parent, struct str segment)
{
    for (struct node *child = parent->children; child; child = child->next) {
        if (str_equal(child->text, segment))
            return child;
    }
    struct node *fresh = arena_alloc(router->mem, sizeof *fresh);

    fresh->text = segment;
    fresh->next = parent->children;
    parent->children = fresh;
    return fresh;
}

static struct node *step(struct router *router, struct node *at, struct str segment, bool last)
{
    struct str name = {segment.ptr + 1, segment.len - 2};

    if (!is_parameter(segment))
        return text_node(router, at, segment);
    if (!str_ends_with(name, "..."))
        return parameter_node(router, &at->any, name);
    assert(last);
    name.len -= 3;
    return parameter_node(router, &at->rest, name);
}

static void add_route(struct router *router, const struct route *route)
{
    struct str path = str_from(route->path), segment;
    struct node *at = &router->root;
    unsigned params = 0;

    assert(path.len > 0 && path.ptr[0] == '/' && route->method < METHOD_COUNT && route->handler);
    path = (struct str){path.ptr + 1, path.len - 1};
    while (path.len > 0 && str_split(&path, '/', &segment)) {
        assert(segment.len > 0);
        params += is_parameter(segment);
        at = step(router, at, segment, path.len == 0);
    }
    assert(params <= ROUTE_PARAMS_MAX);
    assert(!at->routes[route->method]);
    at->routes[route->method] = route;
}

struct router *router_new(const struct route *routes, size_t count)
{
    struct arena *mem = arena_new();
    struct router *router = arena_alloc(mem, sizeof *router);

    router->mem = mem;
    router->table = routes;
    router->count = count;
    for (size_t i = 0; i < count; i++)
        add_route(router, &routes[i]);
    return router;
}

void router_free(struct router *router)
{
    if (router)
        arena_free(router->mem);
}

const struct route *router_route_at(const struct router *router, size_t index)
{
    return index < router->count ? &router->table[index] : NULL;
}

static bool no_such_path(struct error *err)
{
    return error_tell(err, ERR_NOT_FOUND, "there is nothing at this path");
}

static bool add_param(struct route_match *match, const char *name, struct str encoded,
                      struct arena *mem, struct error *err)
{
    char *value;

    if (!percent_decode(encoded, false, mem, &value, err))
        return false;
    if (strcmp(value, ".") == 0 || strcmp(value, "..") == 0)
        return error_tell(err, ERR_INVALID, "the path has a segment \".\" or \"..\"");
    match->params[match->param_count++] = (struct route_param){name, value};
    return true;
}

/* "{name...}": each segment as strict as one of its own, so that the value's slashes are the
 * path's. */
static bool add_rest(struct route_match *match, const char *name, struct str encoded,
                     struct arena *mem, struct error *err)
{
    struct str left = encoded, segment;
    struct route_match scratch = {0};
    char *value;

    if (str_ends_with(encoded, "/"))
        return no_such_path(err);
    while (str_split(&left, '/', &segment)) {
        scratch.param_count = 0;
        if (segment.len == 0)
            return no_such_path(err);
        if (!add_param(&scratch, name, segment, mem, err))
            return false;
        if (strchr(scratch.params[0].value, '/'))
            return error_tell(err, ERR_INVALID, "the path has an encoded '/'");
    }
    if (!percent_decode(encoded, false, mem, &value, err))
        return false;
    match->params[match->param_count++] = (struct route_param){name, value};
    return true;
}

static const struct node *child_with_text(const struct node *at, struct str segment)
{
    for (const struct node *child = at->children; child; child = child->next) {
        if (str_equal(child->text, segment))
            return child;
    }
    return NULL;
}

/* A segment whose encoding hides plain text ("%761" for "v1") must match like it; rare, so only
 * then is it decoded. */
static bool plain_segment(struct str *segment, struct arena *mem, struct error *err)
{
    char *decoded;

    if (!memchr(segment->ptr, '%', segment->len))
        return true;
    if (!percent_decode(*segment, false, mem, &decoded, err))
        return false;
    *segment = str_from(decoded);
    return true;
}

static bool find_node(const struct router *router, struct str path, struct arena *mem,
                      struct route_match *match, const struct node **out, struct error *err)
{
    const struct node *at = &router->root;
    struct str left = path, segment, plain;

    if (!text_skip(&left, '/'))
        return no_such_path(err);
    while (left.len > 0) {
        const struct node *child;
        struct str before = left;
        bool slash_follows;

        str_split(&left, '/', &segment);
        slash_follows = left.len == 0 && before.len > segment.len;
        plain = segment;
        if (!plain_segment(&plain, mem, err))
            return false;
        if (segment.len > 0 && (child = child_with_text(at, plain))) {
            at = child;
        } else if (segment.len > 0 && at->any) {
            at = at->any;
            if (!add_param(match, at->name, segment, mem, err))
                return false;
        } else if (at->rest) {
            *out = at->rest;
            return add_rest(match, at->rest->name, before, mem, err);
        } else {
            return no_such_path(err);
        }
        if (slash_follows)
            return no_such_path(err);
    }
    *out = at;
    return true;
}

static const struct route *route_for(const struct node *node, enum http_method method)
{
    if (method == METHOD_OTHER)
        return NULL;
    if (method == METHOD_HEAD && !node->routes[METHOD_HEAD])
        method = METHOD_GET;
    return node->routes[method];
}

static bool has_routes(const struct node *node)
{
    for (unsigned i = 0; i < METHOD_COUNT; i++) {
        if (node->routes[i])
            return true;
    }
    return false;
}

bool router_match(const struct router *router, enum http_method method, struct str path,
                  struct arena *mem, struct route_match *out, struct error *err)
{
    struct route_match match;
    const struct node *node;

    match.param_count = 0;
    if (!find_node(router, path, mem, &match, &node, err))
        return false;
    match.route = route_for(node, method);
    if (!match.route)
        return has_routes(node) ? error_tell(err, ERR_METHOD, "this path does not support it")
                                : no_such_path(err);
    *out = match;
    return true;
}

const char *router_allow(const struct router *router, struct str path, struct arena *mem)
{
    const struct node *node;
    struct route_match match = {0};
    struct error ignored;
    const char *allow = "";

    if (!find_node(router, path, mem, &match, &node, &ignored) || !has_routes(node))
        return NULL;
    for (unsigned i = 0; i < METHOD_COUNT; i++) {
        if (i != METHOD_OPTIONS && route_for(node, (enum http_method)i))
            allow = arena_printf(mem, "%s%s, ", allow, method_name((enum http_method)i));
    }
    return arena_printf(mem, "%sOPTIONS", allow);
}
