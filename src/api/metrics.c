/* GET /metrics: Prometheus text format 0.0.4. */
#include "http/metrics.h"
#include "api/event_streams.h"
#include "api/resources.h"
#include "api/views.h"
#include "catalog/cache.h"
#include "catalog/delivery.h"
#include "catalog/job.h"
#include "catalog/session.h"
#include "service/queue.h"

#define METRICS_MAX_BYTES ((size_t)64 * 1024)

static void add_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP audiotricks_%s %s\n# TYPE audiotricks_%s %s\n", name, help, name, type);
}

static void add_one(struct buf *out, const char *name, const char *type, const char *help,
                    uint64_t value)
{
    add_head(out, name, type, help);
    buf_printf(out, "audiotricks_%s %llu\n", name, (unsigned long long)value);
}

static void add_requests(struct buf *out, const struct http_metrics *http)
{
    static const char *const classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

    add_head(out, "http_requests_total", "counter", "Requests answered, by class of status.");
    for (size_t i = 0; i < COUNT_OF(classes); i++)
        buf_printf(out, "audiotricks_http_requests_total{status=\"%s\"} %llu\n", classes[i],
                   (unsigned long long)atomic_load(&http->requests[i]));
}

static void add_latency(struct buf *out, const struct http_metrics *http)
{
    static const uint32_t bounds_us[] = HTTP_LATENCY_BOUNDS_US;
    static const char name[] = "audiotricks_http_request_seconds";
    unsigned long long sum = 0;

    add_head(out, "http_request_seconds", "histogram", "From a request's head to its end.");
    for (size_t i = 0; i < HTTP_LATENCY_BUCKETS; i++) {
        sum += atomic_load(&http->latency[i]);
        if (i < COUNT_OF(bounds_us))
            buf_printf(out, "%s_bucket{le=\"%g\"} %llu\n", name, bounds_us[i] / 1e6, sum);
    }
    buf_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.6f\n%s_count %llu\n", name, sum, name,
               (double)atomic_load(&http->latency_sum_us) / 1e6, name, sum);
}

static void add_http(struct buf *out, const struct http_metrics *http)
{
    add_requests(out, http);
    add_latency(out, http);
    add_one(out, "http_body_bytes_received_total", "counter", "Bytes of bodies received.",
            atomic_load(&http->bytes_in));
    add_one(out, "http_bytes_sent_total", "counter", "Bytes of heads and bodies sent.",
            atomic_load(&http->bytes_out));
    add_one(out, "http_connections_accepted_total", "counter", "Connections accepted.",
            atomic_load(&http->connections_accepted));
    add_one(out, "http_connections_refused_total", "counter", "Connections over a limit.",
            atomic_load(&http->connections_refused));
    add_one(out, "http_connections_timed_out_total", "counter", "Connections closed by a deadline.",
            atomic_load(&http->connections_timed_out));
    add_one(out, "http_heads_refused_total", "counter", "Heads malformed or too large.",
            atomic_load(&http->heads_refused));
    add_one(out, "http_connections_open", "gauge", "Connections open.",
            atomic_load(&http->connections_open));
    add_one(out, "http_requests_active", "gauge", "Requests being answered.",
            atomic_load(&http->requests_active));
    add_one(out, "http_bodies_active", "gauge", "Bodies being received.",
            atomic_load(&http->bodies_active));
    add_one(out, "http_threads", "gauge", "Worker threads.", atomic_load(&http->threads));
}

static void add_uploads(struct buf *out, const struct app_counters *counters)
{
    add_one(out, "uploads_stored_total", "counter", "Uploads whose content was stored.",
            atomic_load(&counters->uploads_stored));
    add_one(out, "uploads_shared_total", "counter", "Uploads that share content stored before.",
            atomic_load(&counters->uploads_shared));
    add_one(out, "uploads_refused_total", "counter", "Uploads refused.",
            atomic_load(&counters->uploads_refused));
    add_one(out, "upload_bytes_total", "counter", "Bytes of accepted uploads.",
            atomic_load(&counters->upload_bytes));
    add_one(out, "uploads_active", "gauge", "Uploads being received.",
            atomic_load(&counters->uploads_active));
}

static void add_sessions(struct buf *out, struct app *app)
{
    scoped(db_release) struct db *db = NULL;
    uint64_t count = 0;
    uint64_t reserved_bytes = 0;
    struct error err;

    if (!database_read(app->database, &db, &err) ||
        !session_figures(db, &count, &reserved_bytes, &err))
        return; /* a gauge that is missing says so */
    add_one(out, "sessions_open", "gauge", "Uploads in progress in the catalog.", count);
    add_one(out, "sessions_reserved_bytes", "gauge", "Bytes they have reserved.", reserved_bytes);
}

static void add_cache(struct buf *out, struct app *app)
{
    scoped(db_release) struct db *db = NULL;
    struct cache_figures sum;
    struct error err;

    if (!database_read(app->database, &db, &err) || !cache_totals(db, &sum, &err))
        return;
    add_one(out, "cache_hits_total", "counter", "Results found in the processing cache.", sum.hits);
    add_one(out, "cache_misses_total", "counter", "Results not found there.", sum.misses);
    add_head(out, "cache_saved_seconds_total", "counter", "What the results found had taken.");
    buf_printf(out, "audiotricks_cache_saved_seconds_total %llu.%03llu\n",
               (unsigned long long)sum.time_saved_ms / 1000,
               (unsigned long long)sum.time_saved_ms % 1000);
    add_one(out, "cache_entries", "gauge", "Results kept.", sum.entries);
    add_one(out, "cache_stored_bytes", "gauge", "Bytes they are kept in.", sum.stored_bytes);
    add_one(out, "cache_data_bytes", "gauge", "Bytes they have.", sum.data_bytes);
}

#define JOB_FIGURES_MAX 200

static void add_jobs_waiting(struct buf *out, struct app *app)
{
    scoped(db_release) struct db *db = NULL;
    scoped(arena_release) struct arena *mem = arena_new();
    struct job_figure *figures;
    size_t count;
    struct error err;

    if (!database_read(app->database, &db, &err) ||
        !job_figures(db, (struct uuid){{0}}, JOB_FIGURES_MAX, mem, &figures, &count, &err))
        return; /* a gauge that is missing says so */
    add_head(out, "jobs", "gauge", "Jobs that are not done, by kind and status.");
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "audiotricks_jobs{kind=\"%s\",status=\"%s\"} %llu\n", figures[i].kind,
                   figures[i].status, (unsigned long long)figures[i].count);
}

static void add_job_event(struct buf *out, struct queue *queue, enum queue_event event,
                          const char *name, const char *help)
{
    struct queue_figures figures;

    add_head(out, name, "counter", help);
    for (size_t i = 0; queue_figures_at(queue, i, &figures); i++)
        buf_printf(out, "audiotricks_%s{kind=\"%s\"} %llu\n", name, figures.kind,
                   (unsigned long long)figures.events[event]);
}

static void add_jobs(struct buf *out, struct app *app)
{
    struct queue_figures figures;

    add_jobs_waiting(out, app);
    add_job_event(out, app->queue, QUEUE_COMPLETED, "jobs_completed_total", "Jobs completed.");
    add_job_event(out, app->queue, QUEUE_RETRIED, "jobs_retried_total",
                  "Attempts that failed and were put off.");
    add_job_event(out, app->queue, QUEUE_FAILED, "jobs_failed_total", "Jobs that failed for good.");
    add_head(out, "job_seconds_total", "counter", "Time that completed jobs took.");
    for (size_t i = 0; queue_figures_at(app->queue, i, &figures); i++)
        buf_printf(out, "audiotricks_job_seconds_total{kind=\"%s\"} %.3f\n", figures.kind,
                   (double)figures.run_ms / 1000.0);
}

static bool count_backlog(void *context, uint64_t *out, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct app *app = context;

    return database_read(app->database, &db, err) && delivery_backlog(db, out, err);
}

static void add_backlog(struct buf *out, struct app *app)
{
    struct error err;
    uint64_t count;

    if (costly_ask(&app->delivery_backlog, count_backlog, app, &count, &err))
        add_one(out, "webhook_backlog", "gauge", "Deliveries that have not ended.", count);
}

static void add_events(struct buf *out, struct app *app)
{
    static const char name[] = "audiotricks_webhook_attempts_total";

    if (app->streams)
        add_one(out, "event_streams_open", "gauge", "Streams of events open.",
                event_streams_count(app->streams));
    add_head(out, "webhook_attempts_total", "counter", "Attempts to deliver, by what came of it.");
    buf_printf(out,
               "%s{result=\"delivered\"} %llu\n%s{result=\"failed\"} %llu\n"
               "%s{result=\"dead\"} %llu\n",
               name, (unsigned long long)atomic_load(&app->counters.deliveries_done), name,
               (unsigned long long)atomic_load(&app->counters.deliveries_failed), name,
               (unsigned long long)atomic_load(&app->counters.deliveries_dead));
    add_backlog(out, app);
}

static void add_stores(struct buf *out, const struct app *app)
{
    add_head(out, "store_free_bytes", "gauge", "Bytes that can still be written.");
    for (size_t i = 0; i < app->store_count; i++) {
        uint64_t free_bytes = 0;
        uint64_t total_bytes = 0;
        struct error err;

        if (store_space(app->stores[i], &free_bytes, &total_bytes, &err))
            buf_printf(out, "audiotricks_store_free_bytes{store=\"%s\"} %llu\n",
                       store_name(app->stores[i]), (unsigned long long)free_bytes);
    }
}

/* Without a token the caller must be on this machine, and not
 * somebody for whom a proxy on this machine asks. */
static bool may_read(const struct request *req, const struct caller *who, struct response *res,
                     struct error *err)
{
    bool forwarded = request_header(req, "Forwarded") || request_header(req, "X-Forwarded-For");
    bool local = strcmp(req->client, "127.0.0.1") == 0 || strcmp(req->client, "::1") == 0 ||
                 strcmp(req->client, "unix") == 0;

    if (uuid_is_nil(who->token_id))
        return (local && !forwarded) || endpoint_refuse(res, "no token", err);
    return true;
}

bool get_metrics(struct request *req, const struct caller *who, struct response *res,
                 struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct app *app = req->app;

    if (!may_read(req, who, res, err))
        return false;
    buf_init(&out, METRICS_MAX_BYTES);
    add_head(&out, "build_info", "gauge", "What runs.");
    buf_printf(&out, "audiotricks_build_info{version=\"%s\",database=\"%s\"} 1\n",
               AUDIOTRICKS_VERSION, database_version(app->database));
    if (app->http)
        add_http(&out, app->http);
    add_uploads(&out, &app->counters);
    add_sessions(&out, app);
    add_cache(&out, app);
    add_jobs(&out, app);
    add_events(&out, app);
    add_stores(&out, app);
    response_header(res, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    return response_text(res, 200, out.bytes, out.length, err);
}
