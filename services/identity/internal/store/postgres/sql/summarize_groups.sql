SELECT r.organization_id, r.directory_id, r.id, r.display_name, r.external_id, false, r.version, r.update_time, d.closed
FROM (
  SELECT :organization_id::text AS organization_id, id
  FROM (SELECT DISTINCT unnest(:ids::text[]) AS id) ids
  OFFSET 0
) n
CROSS JOIN LATERAL (
  SELECT *
  FROM groups
  WHERE organization_id = n.organization_id AND id = n.id
  OFFSET 0
) r
JOIN directories d ON d.organization_id = r.organization_id AND d.id = r.directory_id;
