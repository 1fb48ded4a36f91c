-- Kind 3 is a milestone.
SELECT o.organization_id, o.directory_id, o.kind, o.name, o.messages, o.first_time, o.last_time, o.last_message_id
FROM json_each(:directory_ids) d
CROSS JOIN message_counts o ON o.organization_id = :organization_id AND o.directory_id = d.value AND o.kind = 3
ORDER BY o.directory_id;
