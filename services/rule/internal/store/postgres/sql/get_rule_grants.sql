SELECT rule_id, tenant_id, role_id
FROM rule_grants
WHERE organization_id = :organization_id AND rule_id = :rule_id
ORDER BY position;
