SELECT d.id
FROM directories d
WHERE d.organization_id = :organization_id AND d.delete_time <> 0 AND (:id = '' OR d.id = :id)
  AND NOT EXISTS (SELECT 1 FROM directories r WHERE r.organization_id = :organization_id AND r.replaces_id = d.id)
LIMIT :limit;
