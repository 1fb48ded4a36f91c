-- Each directory has an index on the value, and there are few directories.
SELECT r.organization_id, r.directory_id, r.id, r.display_name, r.external_id, false, r.version, r.update_time, d.closed
FROM directories d
CROSS JOIN LATERAL (
  SELECT *
  FROM groups r
  WHERE r.organization_id = d.organization_id AND r.directory_id = d.id
    AND r.external_id = :external_id AND r.external_id <> ''
  OFFSET 0
) r
WHERE d.organization_id = :organization_id AND r.id > :after
ORDER BY r.id
LIMIT :limit;
