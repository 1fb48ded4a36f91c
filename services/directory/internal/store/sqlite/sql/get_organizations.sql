SELECT id, display_name, federated, create_time, update_time, erase_time, erase_revision, waiting, clear_time
FROM organizations
WHERE id IN (SELECT value FROM json_each(:ids))
ORDER BY id;
