#include "cli/connect.h"

#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "base/str.h"
#include "base/uuid.h"
#include "cli/variables.h"

#define DEFAULT_SERVER "http://127.0.0.1:8080"
#define DEFAULT_TOKEN "./data/operator-token"
#define TOKEN_LIMIT 4096
#define PAGE_ITEMS 1000
#define RETRIES 4
#define SILENCE_MAX_S 3600

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static bool read_token(const char *path, struct arena *mem, const char **out, struct error *err)
{
    char *text;
    size_t length;
    struct str trimmed;

    if (!fs_read_file(path, TOKEN_LIMIT, mem, &text, &length, err)) {
        enum error_kind kind = err->kind == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : err->kind;

        err->kind = kind;
        return error_context(err, "token");
    }
    trimmed = (struct str){text, strcspn(text, "\r\n")};
    trimmed = str_trim(trimmed);
    if (trimmed.len == 0)
        return error_tell(err, ERR_UNAUTHORIZED, "token: %s is empty", path);
    *out = arena_strndup(mem, trimmed.ptr, trimmed.len);
    return true;
}

/* The token that happens to lie in ./data is for the server of this machine, nobody else's. */
static bool is_this_machine(const char *server)
{
    static const char *const here[] = {"unix:", "http://127.0.0.1", "http://localhost",
                                       "http://[::1]"};

    if (strchr(server, '@')) /* http://localhost:1@example.org is example.org's */
        return false;
    for (size_t i = 0; i < COUNT_OF(here); i++) {
        char next = server[strnlen(server, strlen(here[i]))];

        if (strncasecmp(server, here[i], strlen(here[i])) == 0 &&
            (i == 0 || next == ':' || next == '/' || next == '\0'))
            return true;
    }
    return false;
}

static bool find_token(const struct invocation *in, const char *server, const char **out,
                       struct error *err)
{
    const char *file = option_text(in, "token-file"), *data = option_text(in, "data");

    if (file)
        return read_token(file, in->mem, out, err);
    if (data)
        return read_token(arena_printf(in->mem, "%s/operator-token", data), in->mem, out, err);
    *out = environment(VARIABLE_CLIENT_TOKEN);
    if (*out)
        return true;
    if (is_this_machine(server) && access(DEFAULT_TOKEN, F_OK) == 0)
        return read_token(DEFAULT_TOKEN, in->mem, out, err);
    return error_tell(err, ERR_UNAUTHORIZED,
                      "no token: give --token-file FILE, --data DIR, or set "
                      "AUDIOTRICKS_CLIENT_TOKEN");
}

struct workspace_search {
    const char *name; /* NULL: any */
    struct arena *mem;
    const char *id;
    unsigned found;
};

static bool consider_workspace(void *context, const json_t *item)
{
    struct workspace_search *search = context;
    const char *name = json_string_value(json_object_get(item, "name"));
    const char *id = json_string_value(json_object_get(item, "id"));

    if (id && name && (!search->name || strcasecmp(name, search->name) == 0)) {
        search->id = arena_strdup(search->mem, id);
        search->found++;
    }
    return true;
}

static bool search_workspaces(const struct connection *connection, struct workspace_search *search,
                              struct error *err)
{
    struct connect_list list = {
        .path = "/v1/workspaces", .each = consider_workspace, .context = search};

    return connect_each(connection, &list, search->mem, err);
}

bool connect_find_workspace(const struct connection *connection, const char *named,
                            struct arena *mem, const char **out, struct error *err)
{
    struct workspace_search search = {.name = named, .mem = mem};
    struct uuid unused;

    if (uuid_parse(str_from(named), &unused)) {
        *out = named;
        return true;
    }
    if (!search_workspaces(connection, &search, err))
        return false;
    if (search.found == 0)
        return error_tell(err, ERR_NOT_FOUND, "there is no workspace named \"%s\"", named);
    *out = search.id;
    return true;
}

static bool read_silence(unsigned *out, struct error *err)
{
    const char *text = environment(VARIABLE_CLIENT_SILENCE_S);
    uint64_t seconds = 0;

    if (text && (!str_to_u64(str_from(text), SILENCE_MAX_S, &seconds) || seconds == 0))
        return error_tell(err, ERR_INVALID,
                          "AUDIOTRICKS_CLIENT_SILENCE_S: \"%s\" is no number from 1 to %d", text,
                          SILENCE_MAX_S);
    *out = (unsigned)seconds;
    return true;
}

bool connect_open(const struct invocation *in, struct connection *out, struct error *err)
{
    const char *server = option_text(in, "server"), *named = option_text(in, "workspace");
    struct connection connection = {0};
    uint64_t retries;

    variables_warn(in->mem);
    signal(SIGPIPE, SIG_IGN); /* a reader that has gone shows as a write error */
    if (!server)
        server = environment(VARIABLE_CLIENT_SERVER);
    connection.options.server = server ? server : DEFAULT_SERVER;
    if (!option_count(in, "retries", RETRIES, 0, 100, &retries, err) ||
        !read_silence(&connection.options.silence_s, err) ||
        !find_token(in, connection.options.server, &connection.options.token, err))
        return false;
    connection.options.retries = (unsigned)retries;
    if (!client_open(&connection.options, &connection.client, err))
        return false;
    if (named && !connect_find_workspace(&connection, named, in->mem, &connection.workspace, err)) {
        connect_close(&connection);
        return false;
    }
    *out = connection;
    return true;
}

void connect_close(struct connection *connection)
{
    client_free(take(connection->client));
}

char *connect_target(const struct connection *connection, struct arena *mem, const char *path,
                     const struct client_param *params)
{
    const struct client_param workspace[] = {{"workspace_id", connection->workspace}, {0}};

    return client_target(mem, client_target(mem, path, params), workspace);
}

char *connect_path(struct arena *mem, const char *resource, const char *id, const char *below)
{
    return arena_printf(mem, "/v1/%s/%s%s%s", resource, client_encode(mem, id), below ? "/" : "",
                        below ? below : "");
}

static bool send_and_keep_json(const struct connection *connection,
                               const struct client_request *request, struct arena *mem,
                               json_t **out, struct error *err)
{
    struct client_answer answer;

    if (!client_send(connection->client, request, mem, &answer, err))
        return false;
    *out = answer.json;
    return true;
}

bool connect_ask(const struct connection *connection, const char *method, const char *target,
                 struct arena *mem, json_t **out, struct error *err)
{
    struct client_request request = {
        .method = method, .target = target, .repeatable = strcmp(method, "POST") != 0};

    return send_and_keep_json(connection, &request, mem, out, err);
}

bool connect_tell(const struct connection *connection, const char *method, const char *target,
                  const json_t *body, struct arena *mem, json_t **out, struct error *err)
{
    struct client_request request = {.method = method,
                                     .target = target,
                                     .json = body,
                                     .repeatable = strcmp(method, "POST") != 0};

    return send_and_keep_json(connection, &request, mem, out, err);
}

/* One page. *CURSOR is the next page's afterwards, NULL after the last. */
static bool read_page(const struct connection *connection, struct connect_list *list,
                      uint64_t *done, const char **cursor, struct arena *mem, struct error *err)
{
    uint64_t left = list->limit ? list->limit - *done : PAGE_ITEMS;
    char limit[24];
    const struct client_param page[] = {{"limit", limit}, {"cursor", *cursor}, {0}};
    char *target = client_target(mem, list->path, list->params);
    scoped(json_decrefp) json_t *json = NULL;
    json_t *item;
    size_t index;
    bool wanted = true;

    snprintf(limit, sizeof limit, "%llu",
             (unsigned long long)(left < PAGE_ITEMS ? left : PAGE_ITEMS));
    if (!connect_ask(connection, "GET", connect_target(connection, mem, target, page), mem, &json,
                     err))
        return false;
    if (!json_is_array(json_object_get(json, "items")))
        return error_tell(err, ERR_INTERNAL, "the server's answer is no list");
    json_array_foreach(json_object_get(json, "items"), index, item)
    {
        wanted = wanted && list->each(list->context, item);
        (*done)++;
    }
    *cursor = arena_strdup(mem, json_string_value(json_object_get(json, "next_cursor")));
    if (!wanted) /* an empty page may have others behind it */
        *cursor = NULL;
    return true;
}

bool connect_each(const struct connection *connection, struct connect_list *list, struct arena *mem,
                  struct error *err)
{
    const char *cursor = NULL;
    uint64_t done = 0;

    list->more = false;
    do {
        if (!read_page(connection, list, &done, &cursor, mem, err))
            return false;
        if (cursor && list->limit && done >= list->limit) {
            list->more = true;
            return true;
        }
    } while (cursor);
    return true;
}

bool connect_workspace(const struct connection *connection, struct arena *mem, const char **out,
                       struct error *err)
{
    struct workspace_search search = {.mem = mem};

    *out = connection->workspace;
    if (*out)
        return true;
    if (!search_workspaces(connection, &search, err))
        return false;
    if (search.found != 1)
        return error_tell(err, ERR_INVALID, "there are %u workspaces: name one with --workspace",
                          search.found);
    *out = search.id;
    return true;
}
