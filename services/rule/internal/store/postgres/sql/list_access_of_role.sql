-- The condition on after_user alone is redundant. It lets an index on user_id find the start.
WITH keys AS MATERIALIZED (
  SELECT DISTINCT user_id, tenant_id, role_id
  FROM sources
  WHERE organization_id = :organization_id AND role_id = :role_id AND user_id >= :after_user
    AND (user_id, tenant_id, role_id) > (:after_user, :after_tenant, :after_role)
  ORDER BY user_id, tenant_id, role_id
  LIMIT :limit
)
SELECT s.user_id, s.tenant_id, s.role_id, s.kind, s.rule_id, s.granted_by, s.create_time, s.retained, s.keep,
  s.kept_time, h.active, h.suspended, h.unknown_as_of, h.rule_access
FROM keys k
CROSS JOIN LATERAL (
  SELECT *
  FROM sources
  WHERE organization_id = :organization_id AND user_id = k.user_id AND tenant_id = k.tenant_id AND role_id = k.role_id
  OFFSET 0
) s
CROSS JOIN LATERAL (
  SELECT *
  FROM holders
  WHERE organization_id = :organization_id AND user_id = k.user_id
  OFFSET 0
) h
ORDER BY s.user_id, s.tenant_id, s.role_id, s.kind, s.rule_id;
