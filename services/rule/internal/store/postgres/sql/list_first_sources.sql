WITH firsts AS MATERIALIZED (
  SELECT *
  FROM sources
  WHERE organization_id = :organization_id
  ORDER BY user_id, tenant_id, role_id, kind, rule_id
  LIMIT :limit
)
SELECT s.user_id, s.tenant_id, s.role_id, s.kind, s.rule_id, s.granted_by, s.create_time, s.retained, s.keep,
  s.kept_time, h.active, h.suspended, h.unknown_as_of, h.rule_access
FROM firsts s
CROSS JOIN LATERAL (
  SELECT *
  FROM holders
  WHERE organization_id = :organization_id AND user_id = s.user_id
  OFFSET 0
) h
ORDER BY s.user_id, s.tenant_id, s.role_id, s.kind, s.rule_id;
