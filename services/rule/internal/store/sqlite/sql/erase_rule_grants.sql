DELETE FROM rule_grants
WHERE organization_id = :organization_id
  AND (rule_id, position) IN (
    SELECT rule_id, position
    FROM rule_grants
    WHERE organization_id = :organization_id
    ORDER BY rule_id, position
    LIMIT :limit
  );
