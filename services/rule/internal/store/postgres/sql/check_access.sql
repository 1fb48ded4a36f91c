-- store.Holder.Effective has the same condition on source s of holder h. The last column is 0 if the user does not hold
-- the role, 1 if it does, and 2 if it does although it is inactive.
SELECT h.unknown_as_of, h.suspended, EXISTS (
  SELECT 1
  FROM sources s
  WHERE s.organization_id = :organization_id AND s.user_id = :user_id AND s.tenant_id = :tenant_id
    AND s.role_id = :role_id AND NOT h.suspended
    AND (s.keep OR h.active AND (s.kind = 2 OR h.rule_access = 0
      OR h.rule_access = 2 AND s.role_id = 'organization-admin' AND s.tenant_id = ''))
)::integer * (2 - h.active::integer)
FROM holders h
WHERE h.organization_id = :organization_id AND h.user_id = :user_id;
