SELECT EXISTS (
  SELECT 1
  FROM rule_grants
  WHERE organization_id = :organization_id AND tenant_id = :id
), EXISTS (
  SELECT 1
  FROM sources
  WHERE organization_id = :organization_id AND tenant_id = :id
);
