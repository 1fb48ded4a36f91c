DELETE FROM holders
WHERE organization_id = :organization_id
  AND ctid = ANY (ARRAY (
    SELECT r.ctid
    FROM unnest(:user_ids::text[]) AS u (id)
    CROSS JOIN LATERAL (
      SELECT ctid
      FROM holders
      WHERE organization_id = :organization_id AND user_id = u.id
      OFFSET 0
    ) r
  ));
