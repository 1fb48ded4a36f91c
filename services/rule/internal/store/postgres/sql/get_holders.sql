SELECT u.id, coalesce(h.active, false), coalesce(h.directory_id, ''), coalesce(h.detached, false)
  OR EXISTS (
    SELECT 1
    FROM closed_directories c
    WHERE c.organization_id = :organization_id AND c.directory_id = h.directory_id
  ), coalesce(h.digest, ''), p.user_id IS NOT NULL, coalesce(h.unknown_as_of, 0), coalesce(h.rule_access, 0),
  h.user_id IS NULL
FROM (SELECT DISTINCT unnest(:user_ids::text[]) AS id) AS u
LEFT JOIN LATERAL (
  SELECT *
  FROM holders
  WHERE organization_id = :organization_id AND user_id = u.id
  OFFSET 0
) h ON true
LEFT JOIN LATERAL (
  SELECT user_id
  FROM suspensions
  WHERE organization_id = :organization_id AND user_id = u.id
  OFFSET 0
) p ON true
WHERE h.user_id IS NOT NULL OR p.user_id IS NOT NULL;
