SELECT organization_id, id, kind, user_id, message_id, trace_id, detail, time
FROM reports
ORDER BY id
LIMIT :limit;
