-- Of the spec's view storage_usage_by_workspace, whose sums over all of a workspace's uploads are not
-- made here: a quota counts the same, and the trash besides.

-- name: usage_of_workspace
SELECT id, name, files, bytes, CASE WHEN files > 0 THEN bytes * 1.0 / files END,
       (SELECT uploaded_at FROM audio_uploads WHERE workspace_id = page.id AND status <> 'deleted'
        ORDER BY uploaded_at LIMIT 1),
       (SELECT uploaded_at FROM audio_uploads WHERE workspace_id = page.id AND status <> 'deleted'
        ORDER BY uploaded_at DESC LIMIT 1),
       most, CASE WHEN most > used THEN most - used WHEN most IS NOT NULL THEN 0 END
FROM (SELECT w.id AS id, w.name AS name, sq.max_storage_bytes AS most,
             sq.current_storage_bytes AS used,
             sq.current_file_count - (SELECT count(*) FROM audio_uploads
                                      WHERE workspace_id = w.id AND deleted_at IS NOT NULL) AS files,
             sq.current_storage_bytes - (SELECT coalesce(sum(file_size), 0) FROM audio_uploads
                                         WHERE workspace_id = w.id AND deleted_at IS NOT NULL) AS bytes
      FROM workspaces w JOIN storage_quotas sq ON sq.workspace_id = w.id
      WHERE w.deleted_at IS NULL AND w.id = $1) page;

-- name: usage_list
SELECT id, name, files, bytes, CASE WHEN files > 0 THEN bytes * 1.0 / files END,
       (SELECT uploaded_at FROM audio_uploads WHERE workspace_id = page.id AND status <> 'deleted'
        ORDER BY uploaded_at LIMIT 1),
       (SELECT uploaded_at FROM audio_uploads WHERE workspace_id = page.id AND status <> 'deleted'
        ORDER BY uploaded_at DESC LIMIT 1),
       most, CASE WHEN most > used THEN most - used WHEN most IS NOT NULL THEN 0 END
FROM (SELECT w.id AS id, w.name AS name, sq.max_storage_bytes AS most,
             sq.current_storage_bytes AS used,
             sq.current_file_count - (SELECT count(*) FROM audio_uploads
                                      WHERE workspace_id = w.id AND deleted_at IS NOT NULL) AS files,
             sq.current_storage_bytes - (SELECT coalesce(sum(file_size), 0) FROM audio_uploads
                                         WHERE workspace_id = w.id AND deleted_at IS NOT NULL) AS bytes
      FROM workspaces w JOIN storage_quotas sq ON sq.workspace_id = w.id
      WHERE w.deleted_at IS NULL AND w.id > $1 ORDER BY w.id LIMIT $2) page
ORDER BY id;
