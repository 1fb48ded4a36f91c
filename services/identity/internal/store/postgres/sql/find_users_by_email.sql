SELECT r.organization_id, r.directory_id, r.id, r.user_name, r.external_id, r.active, r.version, r.update_time, d.closed
FROM (
  SELECT organization_id, user_id
  FROM search_values
  WHERE organization_id = :organization_id AND attribute = 'emails' AND value = :email AND user_id > :after
  ORDER BY user_id
  LIMIT :limit
) n
CROSS JOIN LATERAL (
  SELECT *
  FROM users
  WHERE organization_id = n.organization_id AND id = n.user_id
  OFFSET 0
) r
JOIN directories d ON d.organization_id = r.organization_id AND d.id = r.directory_id
ORDER BY r.id;
