DELETE FROM sources
WHERE organization_id = :organization_id AND user_id = :user_id AND tenant_id = :tenant_id AND role_id = :role_id
  AND kind = :kind AND rule_id = :rule_id;
