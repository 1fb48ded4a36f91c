SELECT r.organization_id, r.directory_id, r.id, r.display_name, r.external_id, 0, r.version, r.update_time, d.closed,
  r.display_name_folded
FROM groups r
CROSS JOIN directories d ON d.organization_id = r.organization_id AND d.id = r.directory_id
WHERE r.organization_id = :organization_id AND (r.display_name_folded, r.id) > (:value, :id) AND r.display_name_folded < :high
ORDER BY r.display_name_folded, r.id
LIMIT :limit;
