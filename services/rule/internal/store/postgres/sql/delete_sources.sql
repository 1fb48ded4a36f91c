DELETE FROM sources
WHERE organization_id = :organization_id
  AND ctid = ANY (ARRAY (
    SELECT s.ctid
    FROM unnest(:user_ids::text[], :tenant_ids::text[], :role_ids::text[], :kinds::integer[],
        :rule_ids::text[]) AS g (user_id, tenant_id, role_id, kind, rule_id)
    CROSS JOIN LATERAL (
      SELECT ctid
      FROM sources
      WHERE organization_id = :organization_id AND user_id = g.user_id AND tenant_id = g.tenant_id
        AND role_id = g.role_id AND kind = g.kind AND rule_id = g.rule_id
      OFFSET 0
    ) s
  ));
