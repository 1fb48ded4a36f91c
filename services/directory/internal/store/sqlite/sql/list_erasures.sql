SELECT id, display_name, federated, create_time, update_time, erase_time, erase_revision, waiting, clear_time
FROM organizations
WHERE erase_time <> 0
ORDER BY erase_time, id;
