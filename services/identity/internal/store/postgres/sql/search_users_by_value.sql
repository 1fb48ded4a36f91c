SELECT r.organization_id, r.directory_id, r.id, r.user_name, r.external_id, r.active, r.version, r.update_time, d.closed,
  r.user_name_folded, r.display_name, n.value,
  EXISTS (
    SELECT 1
    FROM search_values s
    WHERE s.organization_id = :organization_id AND s.user_id = n.user_id AND s.attribute = :attribute
      AND s.value >= :low AND s.value < n.value
  )
FROM (
  SELECT value, user_id
  FROM search_values
  WHERE organization_id = :organization_id AND attribute = :attribute AND (value, user_id) > (:value, :id) AND value < :high
  ORDER BY value, user_id
  LIMIT :limit
) n
CROSS JOIN LATERAL (
  SELECT *
  FROM users
  WHERE organization_id = :organization_id AND id = n.user_id
  OFFSET 0
) r
JOIN directories d ON d.organization_id = r.organization_id AND d.id = r.directory_id
ORDER BY n.value, n.user_id;
