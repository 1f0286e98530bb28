-- name: usage_of_workspace
SELECT workspace_id, workspace_name, file_count, total_bytes, avg_file_size, oldest_file, newest_file,
       max_storage_bytes, remaining_bytes
FROM storage_usage_by_workspace WHERE workspace_id = $1;

-- name: usage_list
SELECT workspace_id, workspace_name, file_count, total_bytes, avg_file_size, oldest_file, newest_file,
       max_storage_bytes, remaining_bytes
FROM storage_usage_by_workspace WHERE workspace_id > $1 ORDER BY workspace_id LIMIT $2;
