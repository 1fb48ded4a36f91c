SELECT r.organization_id, r.directory_id, r.id, r.user_name, r.external_id, r.active, r.version, r.update_time, d.closed,
  r.user_name_folded, r.display_name, r.user_name_folded, false
FROM (
  SELECT *
  FROM users
  WHERE organization_id = :organization_id AND (user_name_folded COLLATE "POSIX", id) > (:value, :id)
    AND user_name_folded COLLATE "POSIX" < :high
  ORDER BY user_name_folded COLLATE "POSIX", id
  LIMIT :limit
) r
JOIN directories d ON d.organization_id = r.organization_id AND d.id = r.directory_id
ORDER BY r.user_name_folded, r.id;
