DELETE FROM syncs
WHERE organization_id = :organization_id AND state <> 1
  AND id <= (
    SELECT id
    FROM syncs
    WHERE organization_id = :organization_id AND state <> 1
    ORDER BY id DESC
    LIMIT 1 OFFSET :keep
  );
