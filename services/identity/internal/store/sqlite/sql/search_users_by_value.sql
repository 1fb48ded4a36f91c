SELECT r.organization_id, r.directory_id, r.id, r.user_name, r.external_id, r.active, r.version, r.update_time, d.closed,
  r.user_name_folded, r.display_name, n.value,
  EXISTS (
    SELECT 1
    FROM search_values s INDEXED BY search_values_user
    WHERE s.organization_id = :organization_id AND s.user_id = n.user_id AND s.attribute = :attribute
      AND s.value >= :low AND s.value < n.value
  )
FROM search_values n
CROSS JOIN users r ON r.organization_id = :organization_id AND r.id = n.user_id
JOIN directories d ON d.organization_id = r.organization_id AND d.id = r.directory_id
WHERE n.organization_id = :organization_id AND n.attribute = :attribute AND (n.value, n.user_id) > (:value, :id)
  AND n.value < :high
ORDER BY n.value, n.user_id
LIMIT :limit;
