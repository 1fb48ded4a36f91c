SELECT s.user_id, s.tenant_id, s.role_id, s.kind, s.rule_id, s.granted_by, s.create_time, s.retained, s.keep,
  s.kept_time
FROM unnest(:user_ids::text[]) AS u (id)
CROSS JOIN LATERAL (
  SELECT *
  FROM sources
  WHERE organization_id = :organization_id AND user_id = u.id
  OFFSET 0
) s
ORDER BY s.user_id, s.tenant_id, s.role_id, s.kind, s.rule_id;
