DELETE FROM closed_directories
WHERE organization_id = :organization_id
  AND directory_id IN (
    SELECT directory_id
    FROM closed_directories
    WHERE organization_id = :organization_id
    ORDER BY directory_id
    LIMIT :limit
  );
