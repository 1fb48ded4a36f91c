SELECT r.organization_id, r.directory_id, r.id, r.display_name, r.external_id, false, r.version, r.update_time, d.closed,
  r.display_name_folded
FROM (
  SELECT *
  FROM groups
  WHERE organization_id = :organization_id AND (display_name_folded, id) > (:value, :id) AND display_name_folded < :high
  ORDER BY display_name_folded, id
  LIMIT :limit
) r
JOIN directories d ON d.organization_id = r.organization_id AND d.id = r.directory_id
ORDER BY r.display_name_folded, r.id;
