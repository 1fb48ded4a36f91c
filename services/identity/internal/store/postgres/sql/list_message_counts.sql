SELECT organization_id, directory_id, kind, name, messages, first_time, last_time, last_message_id
FROM message_counts
WHERE organization_id = :organization_id AND directory_id = :directory_id
ORDER BY kind, name;
