INSERT INTO rule_grants (organization_id, rule_id, position, tenant_id, role_id)
VALUES (:organization_id, :rule_id, :position, :tenant_id, :role_id);
