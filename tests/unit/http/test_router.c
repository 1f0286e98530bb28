#include "http/router.h"
#include "http_test.h"

static bool handle(struct request *req, struct response *res, struct error *err)
{
    (void)req;
    (void)res;
    (void)err;
    return true;
}

static const struct route routes[] = {
    {METHOD_GET, "/", handle, 0, "root"},
    {METHOD_GET, "/v1/uploads", handle, 0, "list"},
    {METHOD_POST, "/v1/uploads", handle, 0, "create"},
    {METHOD_GET, "/v1/uploads/{id}", handle, 0, "get"},
    {METHOD_DELETE, "/v1/uploads/{id}", handle, 0, "delete"},
    {METHOD_GET, "/v1/uploads/{id}/content", handle, 0, "content"},
    {METHOD_HEAD, "/v1/uploads/{id}/content", handle, 0, "content head"},
    {METHOD_GET, "/v1/uploads/{id}/chunks/{index}/content", handle, 0, "chunk"},
    {METHOD_GET, "/v1/uploads/special", handle, 0, "special"},
    {METHOD_GET, "/files/{key...}", handle, 0, "files"},
    {METHOD_POST, "/only/post", handle, 0, "post"},
};

struct router_case {
    enum http_method method;
    const char *path;
    const char *told; /* "extra name=value …", or the error's code */
};

static const struct router_case cases[] = {
    {METHOD_GET, "/", "root"},
    {METHOD_HEAD, "/", "root"},
    {METHOD_GET, "/v1/uploads", "list"},
    {METHOD_POST, "/v1/uploads", "create"},
    {METHOD_HEAD, "/v1/uploads", "list"},
    {METHOD_GET, "/v1/uploads/7", "get id=7"},
    {METHOD_DELETE, "/v1/uploads/7", "delete id=7"},
    {METHOD_GET, "/v1/uploads/7/content", "content id=7"},
    {METHOD_HEAD, "/v1/uploads/7/content", "content head id=7"},
    {METHOD_GET, "/v1/uploads/7/chunks/3/content", "chunk id=7 index=3"},
    {METHOD_GET, "/v1/uploads/special", "special"},
    {METHOD_GET, "/v1/uploads/speciall", "get id=speciall"},
    {METHOD_GET, "/v1/uploads/a%2Fb", "get id=a/b"},
    {METHOD_GET, "/v1/uploads/a%20b%25", "get id=a b%"},
    {METHOD_GET, "/%76%31/uploads", "list"},
    {METHOD_GET, "/files/a", "files key=a"},
    {METHOD_GET, "/files/a/b/c.wav", "files key=a/b/c.wav"},
    {METHOD_GET, "/files/a%20b/c", "files key=a b/c"},
    {METHOD_GET, "/files/...", "files key=..."},
    /* nothing there */
    {METHOD_GET, "", "not_found"},
    {METHOD_GET, "//", "not_found"},
    {METHOD_GET, "/v1", "not_found"},
    {METHOD_GET, "/v1/uploads/", "not_found"},
    {METHOD_GET, "/v1//uploads", "not_found"},
    {METHOD_GET, "//v1/uploads", "not_found"},
    {METHOD_GET, "/v1/uploads/7/", "not_found"},
    {METHOD_GET, "/v1/uploads//content", "not_found"},
    {METHOD_GET, "/v1/uploads/special/content", "not_found"},
    {METHOD_GET, "/V1/uploads", "not_found"},
    {METHOD_GET, "/v1%2Fuploads", "not_found"},
    {METHOD_GET, "/files", "not_found"},
    {METHOD_GET, "/files/", "not_found"},
    {METHOD_GET, "/files/a/", "not_found"},
    {METHOD_GET, "/files/a//b", "not_found"},
    {METHOD_OTHER, "/nowhere", "not_found"},
    /* there, but not so */
    {METHOD_PUT, "/v1/uploads", "method_not_allowed"},
    {METHOD_OTHER, "/v1/uploads", "method_not_allowed"},
    {METHOD_HEAD, "/only/post", "method_not_allowed"},
    {METHOD_OPTIONS, "/v1/uploads/7", "method_not_allowed"},
    /* not to be decoded */
    {METHOD_GET, "/v1/uploads/%", "invalid_request"},
    {METHOD_GET, "/v1/uploads/%zz", "invalid_request"},
    {METHOD_GET, "/v1/uploads/%00", "invalid_request"},
    {METHOD_GET, "/v1/uploads/..", "invalid_request"},
    {METHOD_GET, "/v1/uploads/%2e%2E", "invalid_request"},
    {METHOD_GET, "/v1/uploads/.", "invalid_request"},
    {METHOD_GET, "/files/a/../b", "invalid_request"},
    {METHOD_GET, "/files/a/%2e%2e/b", "invalid_request"},
    {METHOD_GET, "/files/a%2Fb", "invalid_request"},
    {METHOD_GET, "/files/a/%00", "invalid_request"},
    {METHOD_GET, "/files/%", "invalid_request"},
};

static const char *tell(const struct router *router, const struct router_case *one,
                        struct arena *mem)
{
    struct route_match match;
    struct error err;
    const char *text;

    if (!router_match(router, one->method, str_from(one->path), mem, &match, &err))
        return error_code(&err);
    text = match.route->extra;
    for (unsigned i = 0; i < match.param_count; i++)
        text = arena_printf(mem, "%s %s=%s", text, match.params[i].name, match.params[i].value);
    return text;
}

static void matching(void **state)
{
    scoped(router_release) struct router *router = router_new(routes, COUNT_OF(routes));
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *told = tell(router, &cases[i], mem);

        if (strcmp(told, cases[i].told) != 0)
            fail_msg("%s %s: %s", method_name(cases[i].method), cases[i].path, told);
    }
}

static void allowing(void **state)
{
    scoped(router_release) struct router *router = router_new(routes, COUNT_OF(routes));
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    assert_string_equal(router_allow(router, STR_LITERAL("/v1/uploads"), mem),
                        "GET, HEAD, POST, OPTIONS");
    assert_string_equal(router_allow(router, STR_LITERAL("/v1/uploads/7"), mem),
                        "GET, HEAD, DELETE, OPTIONS");
    assert_string_equal(router_allow(router, STR_LITERAL("/only/post"), mem), "POST, OPTIONS");
    assert_null(router_allow(router, STR_LITERAL("/only"), mem));
    assert_null(router_allow(router, STR_LITERAL("/nowhere"), mem));
}

static void walking(void **state)
{
    scoped(router_release) struct router *router = router_new(routes, COUNT_OF(routes));
    size_t i = 0;

    (void)state;
    for (; router_route_at(router, i); i++)
        assert_ptr_equal(router_route_at(router, i), &routes[i]);
    assert_int_equal(i, COUNT_OF(routes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matching),
        cmocka_unit_test(allowing),
        cmocka_unit_test(walking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
