INSERT
  OR REPLACE INTO sources (organization_id, user_id, tenant_id, role_id, kind, rule_id, granted_by, create_time,
    retained, keep, kept_time)
VALUES (:organization_id, :user_id, :tenant_id, :role_id, :kind, :rule_id, :granted_by, :create_time, :retained, :keep,
    :kept_time);
