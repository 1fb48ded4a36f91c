-- For the rules of list_rules.
SELECT rule_id, directory_id, group_id, state, time
FROM rule_pins
WHERE organization_id = :organization_id
  AND rule_id IN (
    SELECT id
    FROM rules
    WHERE organization_id = :organization_id AND id > :after
    ORDER BY id
    LIMIT :limit
  )
ORDER BY rule_id, directory_id;
