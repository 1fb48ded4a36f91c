SELECT rule_id, tenant_id, role_id
FROM rule_grants
WHERE organization_id = :organization_id AND rule_id BETWEEN :first AND :last
ORDER BY rule_id, position;
