DELETE FROM rule_pins
WHERE organization_id = :organization_id
  AND (rule_id, directory_id) IN (
    SELECT rule_id, directory_id
    FROM rule_pins
    WHERE organization_id = :organization_id
    ORDER BY rule_id, directory_id
    LIMIT :limit
  );
