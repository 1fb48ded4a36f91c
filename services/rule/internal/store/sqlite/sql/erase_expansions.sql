DELETE FROM expansions
WHERE organization_id = :organization_id
  AND (group_id, id) IN (
    SELECT group_id, id
    FROM expansions
    WHERE organization_id = :organization_id
    ORDER BY group_id, id
    LIMIT :limit
  );
