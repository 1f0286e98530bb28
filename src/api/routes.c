#include "api/routes.h"

#include "api/cors.h"
#include "api/resources.h"
#include "api/tus.h"

#define PARAMETERS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
#define ENDPOINT(scope, role, answer, ...) \
    (&(const struct endpoint){scope, role, answer, PARAMETERS(__VA_ARGS__)})
#define ROUTE(method, path, flags, ...)                                      \
    {                                                                        \
        METHOD_##method, path, endpoint_answer, flags, ENDPOINT(__VA_ARGS__) \
    }

/* clang-format off */
static const struct route routes[] = {
    ROUTE(POST, "/v1/uploads", ROUTE_STREAMS, SCOPE_UPLOAD, ROLE_WRITER, post_uploads,
          "filename", "on_duplicate"),
    ROUTE(GET, "/v1/uploads", 0, SCOPE_WORKSPACE, ROLE_READER, get_uploads,
          "status", "file_type", "q", "sha256", "uploaded_after", "uploaded_before", "sort",
          "limit", "cursor"),
    ROUTE(OPTIONS, "/v1/uploads", 0, SCOPE_PUBLIC, ROLE_READER, options_resumable_uploads,
          "workspace_id", "filename", "on_duplicate"),
    ROUTE(GET, "/v1/uploads/{id}", 0, SCOPE_WORKSPACE, ROLE_READER, get_upload, "storage"),
    ROUTE(PATCH, "/v1/uploads/{id}", 0, SCOPE_WORKSPACE, ROLE_WRITER, patch_upload),
    ROUTE(DELETE, "/v1/uploads/{id}", 0, SCOPE_WORKSPACE, ROLE_WRITER, delete_upload,
          "permanent"),
    ROUTE(POST, "/v1/uploads/{id}/undelete", 0, SCOPE_WORKSPACE, ROLE_WRITER, post_undelete),
    ROUTE(POST, "/v1/uploads/{id}/restore", 0, SCOPE_WORKSPACE, ROLE_WRITER, post_upload_restore),
    ROUTE(POST, "/v1/uploads/{id}/retry", 0, SCOPE_WORKSPACE, ROLE_WRITER, post_upload_retry),
    ROUTE(POST, "/v1/uploads/{id}/links", 0, SCOPE_WORKSPACE, ROLE_WRITER, post_upload_links),
    ROUTE(GET, "/v1/uploads/{id}/content", 0, SCOPE_WORKSPACE, ROLE_READER, get_upload_content,
          "download"),
    ROUTE(GET, "/v1/uploads/{id}/chunks", 0, SCOPE_WORKSPACE, ROLE_READER, get_upload_chunks,
          "limit", "cursor"),
    ROUTE(POST, "/v1/uploads/{id}/chunks", 0, SCOPE_WORKSPACE, ROLE_WRITER, post_upload_chunks),
    ROUTE(GET, "/v1/uploads/{id}/chunks/{index}/content", 0, SCOPE_WORKSPACE, ROLE_READER,
          get_chunk_content),
    ROUTE(GET, "/v1/uploads/{id}/waveform", 0, SCOPE_WORKSPACE, ROLE_READER, get_upload_waveform,
          "zoom", "format"),
    ROUTE(GET, "/v1/uploads/{id}/results", 0, SCOPE_WORKSPACE, ROLE_READER, get_upload_results),
    ROUTE(GET, "/v1/uploads/{id}/results/{kind}", 0, SCOPE_WORKSPACE, ROLE_READER,
          get_upload_result, "limit", "cursor"),
    ROUTE(GET, "/v1/uploads/{id}/history", 0, SCOPE_WORKSPACE, ROLE_READER, get_upload_history,
          "limit", "cursor"),
    ROUTE(HEAD, "/v1/resumable-uploads/{id}", 0, SCOPE_WORKSPACE, ROLE_WRITER,
          head_resumable_upload),
    ROUTE(GET, "/v1/resumable-uploads/{id}", 0, SCOPE_WORKSPACE, ROLE_READER,
          get_resumable_upload),
    ROUTE(PATCH, "/v1/resumable-uploads/{id}", ROUTE_STREAMS, SCOPE_WORKSPACE, ROLE_WRITER,
          patch_resumable_upload),
    ROUTE(DELETE, "/v1/resumable-uploads/{id}", 0, SCOPE_WORKSPACE, ROLE_WRITER,
          delete_resumable_upload),
    ROUTE(OPTIONS, "/v1/resumable-uploads/{id}", 0, SCOPE_PUBLIC, ROLE_READER,
          options_resumable_uploads, "workspace_id"),
    ROUTE(POST, "/v1/chunked-uploads", 0, SCOPE_WORKSPACE, ROLE_WRITER, post_chunked_uploads),
    ROUTE(GET, "/v1/chunked-uploads", 0, SCOPE_WORKSPACE, ROLE_READER, get_chunked_uploads,
          "limit", "cursor"),
    ROUTE(GET, "/v1/chunked-uploads/{id}", 0, SCOPE_WORKSPACE, ROLE_READER, get_chunked_upload),
    ROUTE(DELETE, "/v1/chunked-uploads/{id}", 0, SCOPE_WORKSPACE, ROLE_WRITER,
          delete_chunked_upload),
    ROUTE(PUT, "/v1/chunked-uploads/{id}/chunks/{index}", ROUTE_STREAMS, SCOPE_WORKSPACE,
          ROLE_WRITER, put_chunk),
    ROUTE(POST, "/v1/chunked-uploads/{id}/complete", 0, SCOPE_WORKSPACE, ROLE_WRITER,
          post_chunked_upload_complete),
    ROUTE(OPTIONS, "/v1/tus", 0, SCOPE_PUBLIC, ROLE_READER, options_tus,
          "workspace_id", "on_duplicate"),
    ROUTE(OPTIONS, "/v1/tus/{id}", 0, SCOPE_PUBLIC, ROLE_READER, options_tus, "workspace_id"),
    ROUTE(POST, "/v1/tus", ROUTE_STREAMS, SCOPE_WORKSPACE, ROLE_WRITER, post_tus, "on_duplicate"),
    ROUTE(HEAD, "/v1/tus/{id}", 0, SCOPE_WORKSPACE, ROLE_WRITER, head_tus),
    ROUTE(GET, "/v1/tus/{id}", 0, SCOPE_WORKSPACE, ROLE_READER, get_tus),
    ROUTE(PATCH, "/v1/tus/{id}", ROUTE_STREAMS, SCOPE_WORKSPACE, ROLE_WRITER, patch_tus),
    ROUTE(DELETE, "/v1/tus/{id}", 0, SCOPE_WORKSPACE, ROLE_WRITER, delete_tus),

    ROUTE(GET, "/files/{storage_path...}", 0, SCOPE_LINK, ROLE_READER, get_file,
          "download", "expires", "signature"),

    ROUTE(GET, "/v1/cache", 0, SCOPE_WORKSPACE, ROLE_READER, get_cache),
    ROUTE(DELETE, "/v1/cache", 0, SCOPE_WORKSPACE, ROLE_ADMIN, delete_cache, "cache_type"),
    ROUTE(GET, "/v1/cache/{file_hash}/{cache_type}", 0, SCOPE_WORKSPACE, ROLE_READER, get_cached,
          "options"),
    ROUTE(PUT, "/v1/cache/{file_hash}/{cache_type}", ROUTE_STREAMS, SCOPE_WORKSPACE, ROLE_WRITER,
          put_cached, "options", "processing_time_ms"),
    ROUTE(DELETE, "/v1/cache/{file_hash}/{cache_type}", 0, SCOPE_WORKSPACE, ROLE_WRITER,
          delete_cached, "options"),

    ROUTE(GET, "/v1/jobs", 0, SCOPE_WORKSPACE, ROLE_READER, get_jobs,
          "kind", "status", "upload_id", "limit", "cursor"),
    ROUTE(POST, "/v1/jobs", 0, SCOPE_WORKSPACE, ROLE_WRITER, post_jobs),
    ROUTE(POST, "/v1/jobs/lease", ROUTE_LOG_QUIET, SCOPE_REPORT, ROLE_WRITER, post_jobs_lease),
    ROUTE(GET, "/v1/jobs/{id}", 0, SCOPE_REPORT, ROLE_READER, get_job),
    ROUTE(POST, "/v1/jobs/{id}/heartbeat", ROUTE_LOG_QUIET, SCOPE_REPORT, ROLE_WRITER,
          post_job_heartbeat),
    ROUTE(POST, "/v1/jobs/{id}/complete", ROUTE_STREAMS, SCOPE_REPORT, ROLE_WRITER,
          post_job_complete),
    ROUTE(POST, "/v1/jobs/{id}/fail", 0, SCOPE_REPORT, ROLE_WRITER, post_job_fail),
    ROUTE(POST, "/v1/jobs/{id}/cancel", 0, SCOPE_REPORT, ROLE_WRITER, post_job_cancel),
    ROUTE(POST, "/v1/jobs/{id}/retry", 0, SCOPE_REPORT, ROLE_WRITER, post_job_retry),
    ROUTE(GET, "/v1/job-kinds", 0, SCOPE_REPORT, ROLE_READER, get_job_kinds),
    ROUTE(POST, "/v1/job-kinds/{kind}/pause", 0, SCOPE_REPORT, ROLE_ADMIN, post_job_kind_pause),
    ROUTE(POST, "/v1/job-kinds/{kind}/resume", 0, SCOPE_REPORT, ROLE_ADMIN, post_job_kind_resume),

    ROUTE(GET, "/v1/workspaces", 0, SCOPE_SERVER, ROLE_READER, get_workspaces,
          "limit", "cursor"),
    ROUTE(POST, "/v1/workspaces", 0, SCOPE_SERVER, ROLE_OPERATOR, post_workspaces),
    ROUTE(GET, "/v1/workspaces/{id}", 0, SCOPE_PATH_WORKSPACE, ROLE_READER, get_workspace),
    ROUTE(PATCH, "/v1/workspaces/{id}", 0, SCOPE_PATH_WORKSPACE, ROLE_ADMIN, patch_workspace),
    ROUTE(DELETE, "/v1/workspaces/{id}", 0, SCOPE_PATH_WORKSPACE, ROLE_OPERATOR,
          delete_workspace, "force"),
    ROUTE(GET, "/v1/workspaces/{id}/quota", 0, SCOPE_PATH_WORKSPACE, ROLE_READER, get_quota),
    ROUTE(PUT, "/v1/workspaces/{id}/quota", 0, SCOPE_PATH_WORKSPACE, ROLE_OPERATOR, put_quota),
    ROUTE(POST, "/v1/workspaces/{id}/quota/check", 0, SCOPE_PATH_WORKSPACE, ROLE_READER,
          post_quota_check),

    ROUTE(GET, "/v1/users", 0, SCOPE_WORKSPACE, ROLE_ADMIN, get_users, "limit", "cursor"),
    ROUTE(POST, "/v1/users", 0, SCOPE_WORKSPACE, ROLE_ADMIN, post_users),
    ROUTE(GET, "/v1/users/{id}", 0, SCOPE_WORKSPACE, ROLE_ADMIN, get_user),
    ROUTE(PATCH, "/v1/users/{id}", 0, SCOPE_WORKSPACE, ROLE_ADMIN, patch_user),
    ROUTE(DELETE, "/v1/users/{id}", 0, SCOPE_WORKSPACE, ROLE_ADMIN, delete_user),
    ROUTE(GET, "/v1/tokens", 0, SCOPE_WORKSPACE, ROLE_ADMIN, get_tokens,
          "role", "limit", "cursor"),
    ROUTE(POST, "/v1/tokens", 0, SCOPE_WORKSPACE, ROLE_ADMIN, post_tokens),
    ROUTE(DELETE, "/v1/tokens/{id}", 0, SCOPE_WORKSPACE, ROLE_ADMIN, delete_token),

    ROUTE(GET, "/v1/analytics/usage", 0, SCOPE_REPORT, ROLE_READER, get_usage,
          "limit", "cursor"),

    ROUTE(GET, "/v1/events", 0, SCOPE_WORKSPACE, ROLE_READER, get_events,
          "last_event_id", "upload_id", "types"),
    ROUTE(GET, "/v1/webhooks", 0, SCOPE_WORKSPACE, ROLE_ADMIN, get_webhooks, "limit", "cursor"),
    ROUTE(POST, "/v1/webhooks", 0, SCOPE_WORKSPACE, ROLE_ADMIN, post_webhooks),
    ROUTE(GET, "/v1/webhooks/{id}", 0, SCOPE_WORKSPACE, ROLE_ADMIN, get_webhook),
    ROUTE(PATCH, "/v1/webhooks/{id}", 0, SCOPE_WORKSPACE, ROLE_ADMIN, patch_webhook),
    ROUTE(DELETE, "/v1/webhooks/{id}", 0, SCOPE_WORKSPACE, ROLE_ADMIN, delete_webhook),
    ROUTE(POST, "/v1/webhooks/{id}/test", 0, SCOPE_WORKSPACE, ROLE_ADMIN, post_webhook_test),
    ROUTE(GET, "/v1/webhooks/{id}/deliveries", 0, SCOPE_WORKSPACE, ROLE_ADMIN,
          get_webhook_deliveries, "status", "limit", "cursor"),
    ROUTE(POST, "/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver", 0, SCOPE_WORKSPACE,
          ROLE_ADMIN, post_redelivery),

    ROUTE(GET, "/healthz", ROUTE_LOG_QUIET | ROUTE_QUICK, SCOPE_PUBLIC, ROLE_READER, get_health),
    ROUTE(GET, "/readyz", ROUTE_LOG_QUIET, SCOPE_PUBLIC, ROLE_READER, get_readiness),
    ROUTE(GET, "/metrics", ROUTE_LOG_QUIET, SCOPE_LOCAL, ROLE_OPERATOR, get_metrics),
    ROUTE(GET, "/openapi.json", ROUTE_LOG_QUIET | ROUTE_QUICK, SCOPE_PUBLIC, ROLE_READER, get_openapi),
};
/* clang-format on */

const struct route *routes_table(size_t *count)
{
    *count = COUNT_OF(routes);
    return routes;
}

void routes_before(struct request *req, struct response *res)
{
    cors_before(req, req->app->config, res);
    tus_before(req, res);
}
