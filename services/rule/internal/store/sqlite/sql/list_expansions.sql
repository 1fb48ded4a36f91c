SELECT id, root, group_id, page_token, from_cursor, message_id, traceparent
FROM expansions
WHERE organization_id = :organization_id AND done = 0
ORDER BY root, group_id, id
LIMIT :limit;
