-- store.Holder.Effective has the same condition on source s of holder h.
SELECT count(*)
FROM (
  SELECT DISTINCT s.user_id
  FROM sources s
  JOIN holders h ON h.organization_id = s.organization_id AND h.user_id = s.user_id
  WHERE s.organization_id = :organization_id AND s.role_id = :role_id AND s.tenant_id = :tenant_id
    AND NOT h.suspended
    AND (s.keep OR h.active AND (s.kind = 2 OR h.rule_access = 0
      OR h.rule_access = 2 AND s.role_id = 'organization-admin' AND s.tenant_id = ''))
  LIMIT :up_to
) effective;
