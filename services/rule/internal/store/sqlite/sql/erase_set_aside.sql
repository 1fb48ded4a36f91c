DELETE FROM set_aside
WHERE organization_id = :organization_id
  AND user_id IN (
    SELECT user_id
    FROM set_aside
    WHERE organization_id = :organization_id
    ORDER BY user_id
    LIMIT :limit
  );
