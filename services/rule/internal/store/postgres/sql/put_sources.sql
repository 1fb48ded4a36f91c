INSERT INTO sources (organization_id, user_id, tenant_id, role_id, kind, rule_id, granted_by, create_time, retained,
    keep, kept_time)
SELECT :organization_id, s.*
FROM unnest(:user_ids::text[], :tenant_ids::text[], :role_ids::text[], :kinds::integer[], :rule_ids::text[],
    :granted_by::text[], :create_times::bigint[], :retained::boolean[], :keep::boolean[],
    :kept_times::bigint[]) AS s
ON CONFLICT (organization_id, user_id, tenant_id, role_id, kind, rule_id) DO UPDATE
SET granted_by = excluded.granted_by, create_time = excluded.create_time, retained = excluded.retained,
  keep = excluded.keep, kept_time = excluded.kept_time;
