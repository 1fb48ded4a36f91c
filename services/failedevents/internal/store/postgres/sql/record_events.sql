-- Inserts in the order of the keys: two calls with the same events wait for each other's rows, and must not deadlock. Of two events
-- with the same id, the first one stays.
WITH n AS (
  SELECT n.*, EXISTS (SELECT 1 FROM erased x WHERE x.organization_id = n.organization_id AND x.time >= n.time) AS late
  FROM unnest(:organization_ids::text[], :ids::text[], :directory_ids::text[], :message_ids::text[], :sources::integer[],
    :times::bigint[], :operations::text[], :resource_ids::text[], :statuses::integer[], :reasons::text[],
    :scim_types::text[], :details::text[], :remedies::text[], :trace_ids::text[]) WITH ORDINALITY
    n (organization_id, id, directory_id, message_id, source, time, operation, resource_id, status, reason,
      scim_type, detail, remedy, trace_id, place)
), added AS (
  INSERT INTO events (organization_id, id, directory_id, message_id, source, time, operation, resource_id, status, reason,
    scim_type, detail, remedy, trace_id, acknowledge_time, acknowledged_by)
  SELECT organization_id, id, directory_id, message_id, source, time, operation, resource_id, status, reason,
    scim_type, detail, remedy, trace_id, 0, ''
  FROM n
  WHERE NOT late
  ORDER BY organization_id COLLATE "C", id COLLATE "C", place
  ON CONFLICT DO NOTHING
)
SELECT count(*)
FROM n
WHERE late;
