WITH keys AS (
  SELECT DISTINCT user_id, tenant_id, role_id
  FROM sources
  WHERE organization_id = :organization_id AND user_id = :user_id AND (:tenant_id = '' OR tenant_id = :tenant_id)
    AND (:role_id = '' OR role_id = :role_id)
    AND (:user_id, tenant_id, role_id) > (:after_user, :after_tenant, :after_role)
  ORDER BY user_id, tenant_id, role_id
  LIMIT :limit
)
SELECT s.user_id, s.tenant_id, s.role_id, s.kind, s.rule_id, s.granted_by, s.create_time, s.retained, s.keep,
  s.kept_time, h.active, h.suspended, h.unknown_as_of, h.rule_access
FROM keys k
CROSS JOIN sources s ON s.organization_id = :organization_id AND s.user_id = k.user_id AND s.tenant_id = k.tenant_id
  AND s.role_id = k.role_id
CROSS JOIN holders h ON h.organization_id = :organization_id AND h.user_id = k.user_id
ORDER BY s.user_id, s.tenant_id, s.role_id, s.kind, s.rule_id;
