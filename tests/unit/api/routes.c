/* The table of routes and openapi.json say the same: every route, parameter and role, both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>

#include "api/openapi.h"
#include "api/routes.h"

static json_t *document;

static int load(void **state)
{
    json_error_t why;

    (void)state;
    document = json_loadb(openapi_document, openapi_document_length, JSON_REJECT_DUPLICATES, &why);
    return document ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    json_decref(document);
    return 0;
}

/* "{key...}" of the router is "{key}" of the document. */
static void document_path(const char *path, char *out, size_t size)
{
    const char *dots = strstr(path, "...}");

    if (dots)
        snprintf(out, size, "%.*s}", (int)(dots - path), path);
    else
        snprintf(out, size, "%s", path);
}

static json_t *operation_of(const struct route *route)
{
    char path[256];
    char method[16];
    size_t i;

    document_path(route->path, path, sizeof(path));
    snprintf(method, sizeof(method), "%s", method_name(route->method));
    for (i = 0; method[i]; i++)
        method[i] = (char)tolower((unsigned char)method[i]);
    return json_object_get(json_object_get(json_object_get(document, "paths"), path), method);
}

/* A parameter, by way of its reference if it is one. */
static json_t *resolved(json_t *parameter)
{
    static const char prefix[] = "#/components/parameters/";
    const char *reference = json_string_value(json_object_get(parameter, "$ref"));
    json_t *shared = json_object_get(json_object_get(document, "components"), "parameters");

    if (!reference)
        return parameter;
    assert_int_equal(strncmp(reference, prefix, sizeof(prefix) - 1), 0);
    return json_object_get(shared, reference + sizeof(prefix) - 1);
}

static bool document_has_query(json_t *operation, const char *name)
{
    json_t *parameter;
    size_t index;

    json_array_foreach(json_object_get(operation, "parameters"), index, parameter)
    {
        json_t *found = resolved(parameter);

        if (strcmp(json_string_value(json_object_get(found, "in")), "query") == 0 &&
            strcmp(json_string_value(json_object_get(found, "name")), name) == 0)
            return true;
    }
    return false;
}

static bool route_has_query(const struct endpoint *endpoint, const char *name)
{
    if (strcmp(name, "workspace_id") == 0 && endpoint_takes_workspace(endpoint))
        return true;
    for (const char *const *known = endpoint->query; *known; known++)
        if (strcmp(*known, name) == 0)
            return true;
    return false;
}

static void test_routes_are_described(void **state)
{
    size_t count = 0;
    const struct route *routes = routes_table(&count);

    (void)state;
    assert_true(count > 20);
    for (size_t i = 0; i < count; i++)
        if (!operation_of(&routes[i]))
            fail_msg("%s %s is not described", method_name(routes[i].method), routes[i].path);
}

static const struct route *route_named(const char *path, const char *method)
{
    size_t count = 0;
    const struct route *routes = routes_table(&count);
    char as_described[256];

    for (size_t i = 0; i < count; i++) {
        document_path(routes[i].path, as_described, sizeof(as_described));
        if (strcmp(as_described, path) == 0 &&
            strcasecmp(method_name(routes[i].method), method) == 0)
            return &routes[i];
    }
    return NULL;
}

/* HEAD is answered by GET's route where it has none of its own. */
static const struct route *route_of(const char *path, const char *method)
{
    const struct route *found = route_named(path, method);

    return found || strcmp(method, "head") != 0 ? found : route_named(path, "get");
}

static void check_operation(const char *path, const char *method, json_t *operation)
{
    const struct route *route = route_of(path, method);
    const struct endpoint *endpoint;
    const char *role = json_string_value(json_object_get(operation, "x-role"));
    json_t *parameter;
    size_t index;

    if (!route)
        fail_msg("%s %s has no route", method, path);
    endpoint = route->extra;
    assert_string_equal(role, endpoint->scope == SCOPE_PUBLIC ? "public"
                                                              : token_role_name(endpoint->role));
    json_array_foreach(json_object_get(operation, "parameters"), index, parameter)
    {
        json_t *found = resolved(parameter);
        const char *name = json_string_value(json_object_get(found, "name"));

        if (strcmp(json_string_value(json_object_get(found, "in")), "query") == 0 &&
            !route_has_query(endpoint, name))
            fail_msg("%s %s does not know ?%s=", method, path, name);
    }
}

static void test_descriptions_have_routes(void **state)
{
    const char *path;
    const char *method;
    json_t *methods;
    json_t *operation;

    (void)state;
    json_object_foreach(json_object_get(document, "paths"), path, methods)
    {
        json_object_foreach(methods, method, operation)
        {
            check_operation(path, method, operation);
        }
    }
}

static void test_parameters_are_described(void **state)
{
    size_t count = 0;
    const struct route *routes = routes_table(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct endpoint *endpoint = routes[i].extra;
        json_t *operation = operation_of(&routes[i]);

        for (const char *const *name = endpoint->query; *name; name++)
            if (!document_has_query(operation, *name))
                fail_msg("?%s= of %s is not described", *name, routes[i].path);
        assert_int_equal(route_has_query(endpoint, "workspace_id"),
                         document_has_query(operation, "workspace_id"));
    }
}

static void test_every_code_is_described(void **state)
{
    const char *code;
    const char *words;
    enum error_kind kind;
    int status;

    (void)state;
    for (unsigned i = 0; error_kind_at(i, &kind, &status, &code, &words); i++) {
        char quoted[80];

        snprintf(quoted, sizeof(quoted), "\"%s\"", code);
        if (kind != ERR_GONE_CLIENT &&
            !memmem(openapi_document, openapi_document_length, quoted, strlen(quoted)))
            fail_msg("the code %s is not described", code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes_are_described),
        cmocka_unit_test(test_descriptions_have_routes),
        cmocka_unit_test(test_parameters_are_described),
        cmocka_unit_test(test_every_code_is_described),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
