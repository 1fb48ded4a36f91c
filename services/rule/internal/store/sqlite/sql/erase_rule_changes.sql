DELETE FROM rule_changes
WHERE organization_id = :organization_id
  AND rule_id IN (
    SELECT rule_id
    FROM rule_changes
    WHERE organization_id = :organization_id
    ORDER BY rule_id
    LIMIT :limit
  );
