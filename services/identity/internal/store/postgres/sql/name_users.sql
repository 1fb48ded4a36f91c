SELECT r.id, r.user_name, r.display_name, r.active
FROM (
  SELECT :organization_id::text AS organization_id, id
  FROM (SELECT DISTINCT unnest(:ids::text[]) AS id) ids
  OFFSET 0
) n
CROSS JOIN LATERAL (
  SELECT *
  FROM users
  WHERE organization_id = n.organization_id AND id = n.id
  OFFSET 0
) r;
