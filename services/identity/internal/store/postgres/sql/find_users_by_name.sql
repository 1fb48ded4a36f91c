-- Each directory has an index on the value, and there are few directories.
SELECT r.organization_id, r.directory_id, r.id, r.user_name, r.external_id, r.active, r.version, r.update_time, d.closed
FROM directories d
CROSS JOIN LATERAL (
  SELECT *
  FROM users r
  WHERE r.organization_id = d.organization_id AND r.directory_id = d.id AND r.user_name_folded = :name
  OFFSET 0
) r
WHERE d.organization_id = :organization_id AND r.id > :after
ORDER BY r.id
LIMIT :limit;
