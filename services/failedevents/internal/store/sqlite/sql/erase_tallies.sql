DELETE FROM tallies
WHERE organization_id = :organization_id
  AND (directory_id, hour, id) IN (
    SELECT directory_id, hour, id
    FROM tallies
    WHERE organization_id = :organization_id
    ORDER BY directory_id, hour, id
    LIMIT :limit);
