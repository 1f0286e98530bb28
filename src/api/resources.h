/* The handlers, one file per resource. What each takes and answers stands in openapi.json. */
#ifndef API_RESOURCES_H
#define API_RESOURCES_H

#include "api/endpoint.h"

/* uploads.c */
endpoint_handler post_uploads;

/* chunked_uploads.c, chunks.c */
endpoint_handler post_chunked_uploads, get_chunked_uploads, get_chunked_upload,
    delete_chunked_upload, put_chunk, post_chunked_upload_complete;

/* tus.c, tus_create.c, tus_append.c */
endpoint_handler options_tus, post_tus, head_tus, get_tus, patch_tus, delete_tus;

/* resumable_uploads.c */
endpoint_handler head_resumable_upload, get_resumable_upload, patch_resumable_upload,
    delete_resumable_upload, options_resumable_uploads;

/* upload_records.c */
endpoint_handler get_upload, patch_upload, delete_upload, post_undelete;

/* upload_lists.c */
endpoint_handler get_uploads, get_upload_history, get_upload_chunks;
endpoint_handler post_upload_chunks, get_chunk_content, get_upload_waveform;

/* results.c */
endpoint_handler get_upload_results, get_upload_result;

/* files.c */
endpoint_handler get_upload_content, get_file, post_upload_links;

/* cache.c */
endpoint_handler get_cache, delete_cache, get_cached, put_cached, delete_cached;

/* jobs.c */
endpoint_handler get_jobs, post_jobs, get_job, post_job_cancel, post_job_retry, post_upload_retry,
    post_upload_restore;

/* job_leases.c */
endpoint_handler post_jobs_lease, post_job_heartbeat, post_job_complete, post_job_fail;

/* job_kinds.c */
endpoint_handler get_job_kinds, post_job_kind_pause, post_job_kind_resume;

/* workspaces.c */
endpoint_handler get_workspaces, post_workspaces, get_workspace, patch_workspace, delete_workspace;

/* quota.c */
endpoint_handler get_quota, put_quota, post_quota_check;

/* users.c */
endpoint_handler get_users, post_users, get_user, patch_user, delete_user;

/* tokens.c */
endpoint_handler get_tokens, post_tokens, delete_token;

/* analytics.c */
endpoint_handler get_usage;

/* events.c */
endpoint_handler get_events;

/* webhooks.c, webhook_deliveries.c */
endpoint_handler get_webhooks, post_webhooks, get_webhook, patch_webhook, delete_webhook,
    get_webhook_deliveries, post_redelivery, post_webhook_test;

/* health.c, metrics.c */
endpoint_handler get_health, get_readiness, get_metrics, get_openapi;

#endif
