SELECT organization_id, directory_id, ignored, name, messages, first_time, last_time, last_message_id
FROM dialect_counts
WHERE organization_id = :organization_id AND directory_id = :directory_id
ORDER BY ignored, name;
