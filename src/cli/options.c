#include "cli/options.h"

#include <ctype.h>
#include <stdio.h>

#include "base/scoped.h"

/* clang-format off */
const struct config_option configuration_options[] = {
    {"server", "listen", CONFIG_TEXT, "127.0.0.1:8080", "listen",
     "where to listen: HOST:PORT or unix:/PATH, several with commas"},
    {"server", "data", CONFIG_TEXT, "./data", "data",
     "the data folder: catalog, local store, operator token"},
    {"server", "database", CONFIG_TEXT, NULL, "database",
     "the catalog's database; not set: sqlite:DATA/catalog.db"},
    {"server", "base_url", CONFIG_TEXT, NULL, NULL,
     "the address clients use, for links; not set: what the request says"},
    {"server", "trusted_proxies", CONFIG_TEXT, NULL, NULL,
     "proxies whose Forwarded headers are believed: CIDRs, with commas"},
    {"server", "cors_origins", CONFIG_TEXT, NULL, NULL,
     "origins whose pages may use the API, with commas, or *; not set: none"},
    {"server", "workers_max", CONFIG_COUNT, "512", NULL,
     "most worker threads at once"},
    {"server", "stop_grace", CONFIG_MS, "30s", NULL,
     "how long running requests may go on after SIGTERM"},
    {"server", "socket_mode", CONFIG_TEXT, "0660", NULL,
     "mode of a unix socket, octal"},
    {"server", "accel_prefix", CONFIG_TEXT, NULL, NULL,
     "internal nginx location for X-Accel-Redirect; not set: off"},
    {"server", "head_timeout", CONFIG_MS, "10s", NULL,
     "how long a request's head may take to arrive"},
    {"server", "idle_timeout", CONFIG_MS, "75s", NULL,
     "how long a connection may stay open without a request"},
    {"server", "min_body_rate", CONFIG_BYTES, "1K", NULL,
     "slowest a body may arrive, bytes a second"},
    {"server", "min_send_rate", CONFIG_BYTES, "1K", NULL,
     "slowest a client may take an answer, bytes a second"},
    {"server", "max_connections", CONFIG_COUNT, "10000", NULL,
     "most open connections"},
    {"server", "max_connections_per_address", CONFIG_COUNT, "0", NULL,
     "most open connections of one address; 0: no limit"},
    {"server", "max_uploads", CONFIG_COUNT, "200", NULL,
     "most bodies being received at once"},
    {"uploads", "accept", CONFIG_TEXT, "audio", NULL,
     "what is taken: audio, media (the audio of videos too), any"},
    {"uploads", "formats", CONFIG_TEXT, NULL, NULL,
     "file types that are taken, with commas; not set: all"},
    {"uploads", "max_file_size", CONFIG_BYTES, "0", NULL,
     "largest file, for every workspace; 0: no limit"},
    {"uploads", "chunk_threshold", CONFIG_MS, "300s", NULL,
     "longer audio is planned in chunks"},
    {"uploads", "max_chunk_duration", CONFIG_MS, "300s", NULL,
     "longest chunk"},
    {"uploads", "session_ttl", CONFIG_MS, "24h", NULL,
     "how long an unfinished upload is kept"},
    {"chunks", "format", CONFIG_TEXT, "wav", NULL,
     "what chunks are cut to: wav or flac"},
    {"chunks", "sample_rate", CONFIG_TEXT, "16000", NULL,
     "their rate in Hz, or source: the file's own"},
    {"chunks", "channels", CONFIG_TEXT, "1", NULL,
     "their channels, 1 to 8, or source: the file's own"},
    {"chunks", "bits", CONFIG_TEXT, "16", NULL,
     "bits of their samples: 16, 24, or source: the file's own"},
    {"chunks", "boundaries", CONFIG_TEXT, "fixed", NULL,
     "fixed, or silence: moved to the quietest pause within 15 s"},
    {"chunks", "overlap", CONFIG_MS, "0", NULL,
     "how much each repeats of the one before"},
    {"chunks", "max_bytes", CONFIG_BYTES, "0", NULL,
     "largest file of a chunk; 0: no limit"},
    {"quota", "max_storage_bytes", CONFIG_BYTES, NULL, NULL,
     "storage of a new workspace; not set: unlimited"},
    {"quota", "max_file_count", CONFIG_COUNT, NULL, NULL,
     "files of a new workspace; not set: unlimited"},
    {"quota", "max_file_size", CONFIG_BYTES, NULL, NULL,
     "largest file in a new workspace; not set: unlimited"},
    {"quota", "max_monthly_uploads", CONFIG_COUNT, NULL, NULL,
     "uploads a month in a new workspace; not set: unlimited"},
    {"media", "processes", CONFIG_COUNT, "2", NULL,
     "how many files are looked at at once"},
    {"media", "memory", CONFIG_BYTES, "512M", NULL,
     "memory of one media process"},
    {"media", "timeout", CONFIG_MS, "60s", NULL,
     "how long looking at one file may take"},
    {"media", "work_timeout", CONFIG_MS, "60s", NULL,
     "how long the work on a whole file may take, beside a tenth of its duration"},
    {"cache", "ttl", CONFIG_MS, "30d", NULL,
     "how long results of processing are kept; 0: for ever"},
    {"cache", "max_bytes_per_workspace", CONFIG_BYTES, "1GiB", NULL,
     "most that a workspace's results may take; 0: no limit"},
    {"cache", "max_entry_bytes", CONFIG_BYTES, "64MiB", NULL,
     "largest result"},
    {"cache", "compress_above", CONFIG_BYTES, "4KiB", NULL,
     "larger results are kept compressed"},
    {"cache", "keep_after_purge", CONFIG_BOOL, "false", NULL,
     "whether results outlive the last upload of their content"},
    {"jobs", "enabled", CONFIG_BOOL, "true", NULL,
     "whether the server runs jobs itself; if not, `audiotricks worker` does"},
    {"jobs", "workers", CONFIG_COUNT, "0", NULL,
     "how many jobs run at once; 0: one for each core"},
    {"jobs", "lease", CONFIG_MS, "60s", NULL,
     "how long a job's worker may be silent before another takes it"},
    {"jobs", "retry_delay", CONFIG_MS, "10s", NULL,
     "wait before the first retry of a job; doubled for each further one"},
    {"jobs", "keep", CONFIG_MS, "30d", NULL,
     "how long jobs are kept after they ended; 0: for ever"},
    {"jobs", "waiting_max", CONFIG_COUNT, "64", NULL,
     "how many requests may wait for jobs at once"},
    {"events", "keep_days", CONFIG_COUNT, "7", NULL,
     "how many days events can be read again"},
    {"events", "max_streams", CONFIG_COUNT, "1000", NULL,
     "most streams of events open at once"},
    {"events", "max_streams_per_workspace", CONFIG_COUNT, "100", NULL,
     "most streams of events of one workspace"},
    {"webhooks", "allow_private", CONFIG_TEXT, "false", NULL,
     "receivers on private networks: false, true, or CIDRs, with commas"},
    {"webhooks", "timeout", CONFIG_MS, "10s", NULL,
     "how long a receiver may take to answer"},
    {"webhooks", "retry_for", CONFIG_MS, "24h", NULL,
     "how long a delivery that fails is tried again"},
    {"webhooks", "retry_first", CONFIG_MS, "5s", NULL,
     "how long after the first failure; then it doubles, to 3h at most"},
    {"webhooks", "keep_days", CONFIG_COUNT, "30", NULL,
     "how many days deliveries that have ended stay in the log"},
    {"webhooks", "max_per_workspace", CONFIG_COUNT, "20", NULL,
     "most webhooks of one workspace"},
    {"webhooks", "at_once", CONFIG_COUNT, "8", NULL,
     "most deliveries under way to one webhook"},
    {"log", "level", CONFIG_TEXT, "info", NULL,
     "debug, info, warn or error"},
    {"log", "format", CONFIG_TEXT, "logfmt", NULL,
     "logfmt or json"},
};

const struct config_option configuration_named_options[] = {
    {"store", "provider", CONFIG_TEXT, NULL, NULL,
     "kind of store: local"},
    {"store", "path", CONFIG_TEXT, NULL, NULL,
     "folder of a local store"},
    {"cache_type", "ttl", CONFIG_MS, NULL, NULL,
     "how long results of this type are kept; 0: for ever"},
    {"processor", "per", CONFIG_TEXT, NULL, NULL,
     "what it is given of every upload: upload, chunk, or request: nothing unasked"},
    {"processor", "after", CONFIG_TEXT, NULL, NULL,
     "the kind of job that is done before: validate, chunk, analyze or a processor"},
    {"processor", "options", CONFIG_TEXT, NULL, NULL,
     "options of its jobs, a JSON object"},
    {"processor", "priority", CONFIG_TEXT, NULL, NULL,
     "of its jobs, from -1000 to 1000, higher first"},
    {"processor", "max_retries", CONFIG_COUNT, NULL, NULL,
     "retries of one of its jobs; not set: as the upload says"},
    {"processor", "concurrency", CONFIG_COUNT, NULL, NULL,
     "most of its jobs at once; not set: no limit"},
    {"processor", "workspace_concurrency", CONFIG_COUNT, NULL, NULL,
     "most of its jobs at once for one workspace; not set: no limit"},
};
/* clang-format on */
const size_t configuration_option_count = COUNT_OF(configuration_options);
const size_t configuration_named_option_count = COUNT_OF(configuration_named_options);

void configuration_flag_name(const struct config_option *option, char *out, size_t size)
{
    if (option->flag)
        snprintf(out, size, "%s", option->flag);
    else
        snprintf(out, size, "%s-%s", option->section, option->key);
    for (char *at = out; *at; at++) {
        if (*at == '_')
            *at = '-';
    }
}

void configuration_variable_name(const struct config_option *option, char *out, size_t size)
{
    snprintf(out, size, "AUDIOTRICKS_%s_%s", option->section, option->key);
    for (char *at = out; *at; at++)
        *at = (char)toupper((unsigned char)*at);
}
