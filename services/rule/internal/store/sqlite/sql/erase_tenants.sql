DELETE FROM tenants
WHERE organization_id = :organization_id
  AND id IN (
    SELECT id
    FROM tenants
    WHERE organization_id = :organization_id
    ORDER BY id
    LIMIT :limit
  );
