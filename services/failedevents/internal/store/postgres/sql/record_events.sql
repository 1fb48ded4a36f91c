-- Inserts in the order of the keys: two calls with the same events wait for each other's rows, and must not deadlock. Of two events
-- with the same id, the first one stays. An erased name is not stored.
WITH n AS (
  SELECT n.*, EXISTS (SELECT 1 FROM erased x WHERE x.organization_id = n.organization_id AND x.time >= n.time) AS late,
    n.subject <> '' AND EXISTS (
      SELECT 1
      FROM erased_names x
      WHERE x.organization_id = n.organization_id AND x.key IN (n.resource_id, n.subject_key) AND x.time >= n.time
    ) AS subject_erased,
    n.conflicting_name <> '' AND EXISTS (
      SELECT 1
      FROM erased_names x
      WHERE x.organization_id = n.organization_id AND x.key IN (n.conflicting_resource_id, n.conflicting_key) AND x.time >= n.time
    ) AS conflicting_erased
  FROM unnest(:organization_ids::text[], :ids::text[], :directory_ids::text[], :message_ids::text[], :sources::integer[],
    :times::bigint[], :operations::text[], :resource_ids::text[], :statuses::integer[], :reasons::text[],
    :scim_types::text[], :details::text[], :remedies::text[], :admin_actions::text[], :trace_ids::text[], :subjects::text[],
    :subject_keys::text[], :conflicting_resource_ids::text[], :conflicting_names::text[], :conflicting_keys::text[]) WITH ORDINALITY
    n (organization_id, id, directory_id, message_id, source, time, operation, resource_id, status, reason,
      scim_type, detail, remedy, admin_action, trace_id, subject, subject_key, conflicting_resource_id, conflicting_name,
      conflicting_key, place)
), added AS (
  INSERT INTO events (organization_id, id, directory_id, message_id, source, time, operation, resource_id, status, reason,
    scim_type, detail, remedy, admin_action, trace_id, acknowledge_time, acknowledged_by, subject, subject_key,
    conflicting_resource_id, conflicting_name, conflicting_key)
  SELECT organization_id, id, directory_id, message_id, source, time, operation, resource_id, status, reason,
    scim_type, detail, remedy, admin_action, trace_id, 0, '',
    CASE WHEN subject_erased THEN '' ELSE subject END, CASE WHEN subject_erased THEN '' ELSE subject_key END,
    conflicting_resource_id,
    CASE WHEN conflicting_erased THEN '' ELSE conflicting_name END, CASE WHEN conflicting_erased THEN '' ELSE conflicting_key END
  FROM n
  WHERE NOT late
  ORDER BY organization_id COLLATE "C", id COLLATE "C", place
  ON CONFLICT DO NOTHING
)
SELECT count(*)
FROM n
WHERE late;
