SELECT s.user_id, s.tenant_id, s.role_id, s.kind, s.rule_id, s.granted_by, s.create_time, s.retained, s.keep,
  s.kept_time
FROM json_each(:user_ids) j
CROSS JOIN sources s ON s.organization_id = :organization_id AND s.user_id = j.value;
