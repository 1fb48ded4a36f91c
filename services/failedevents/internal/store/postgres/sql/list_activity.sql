SELECT directory_id, last_message_time, last_accepted_time, last_failed_time
FROM activity
WHERE organization_id = :organization_id AND directory_id >= :first AND directory_id <= :last
ORDER BY directory_id
LIMIT :limit;
