-- In a directory, no two users have the same name.
SELECT r.organization_id, r.directory_id, r.id, r.user_name, r.external_id, r.active, r.version, r.update_time, d.closed,
  r.user_name_folded, r.display_name, r.user_name_folded, 0
FROM users r
CROSS JOIN directories d ON d.organization_id = r.organization_id AND d.id = r.directory_id
WHERE r.organization_id = :organization_id AND r.directory_id = :directory_id
  AND r.user_name_folded >= :value AND (r.user_name_folded > :value OR r.id > :id)
  AND r.user_name_folded < :high
ORDER BY r.user_name_folded
LIMIT :limit;
