-- For the rules of list_rules.
SELECT rule_id, tenant_id, role_id
FROM rule_grants
WHERE organization_id = :organization_id
  AND rule_id IN (
    SELECT id
    FROM rules
    WHERE organization_id = :organization_id AND id > :after
    ORDER BY id
    LIMIT :limit
  )
ORDER BY rule_id, position;
