DELETE FROM syncs
WHERE organization_id = :organization_id
  AND id IN (
    SELECT id
    FROM syncs
    WHERE organization_id = :organization_id
    ORDER BY id
    LIMIT :limit
  );
