INSERT INTO rule_grants (organization_id, rule_id, position, tenant_id, role_id)
SELECT :organization_id, :rule_id, position, tenant_id, role_id
FROM unnest(:tenant_ids::text[], :role_ids::text[]) WITH ORDINALITY AS g (tenant_id, role_id, position);
