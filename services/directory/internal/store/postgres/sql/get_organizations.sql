-- The rows are locked: no erasure of them begins before the commit.
SELECT id, display_name, federated, create_time, update_time, erase_time, erase_revision, waiting, clear_time
FROM organizations
WHERE id = ANY (:ids)
ORDER BY id
FOR SHARE;
