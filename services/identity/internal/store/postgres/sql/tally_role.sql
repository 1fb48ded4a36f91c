WITH found AS MATERIALIZED (
  SELECT user_id
  FROM search_values
  WHERE organization_id = :organization_id AND attribute = 'roleValues' AND value = :value
  ORDER BY user_id
  LIMIT :limit
)
SELECT (SELECT count(*) FROM found), 0, (SELECT count(*) FROM found), coalesce(e.user_id, '')
FROM (SELECT 1) one
LEFT JOIN (
  SELECT user_id
  FROM found
  ORDER BY user_id
  LIMIT 10
) e ON true
ORDER BY e.user_id;
