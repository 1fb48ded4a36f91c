INSERT INTO reports (organization_id, id, kind, user_id, message_id, trace_id, detail, time)
SELECT :organization_id, :id, :kind, :user_id, :message_id, :trace_id, :detail, :time
WHERE (SELECT count(*) FROM reports WHERE organization_id = :organization_id) < :limit;
