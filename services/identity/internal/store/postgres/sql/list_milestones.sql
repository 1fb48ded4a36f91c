-- Kind 3 is a milestone.
SELECT organization_id, directory_id, kind, name, messages, first_time, last_time, last_message_id
FROM message_counts
WHERE organization_id = :organization_id AND directory_id = ANY (:directory_ids) AND kind = 3
ORDER BY directory_id;
