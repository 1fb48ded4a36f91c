DELETE FROM set_aside
WHERE organization_id = :organization_id
  AND ctid = ANY (ARRAY (
    SELECT a.ctid
    FROM unnest(:user_ids::text[]) AS u (id)
    CROSS JOIN LATERAL (
      SELECT ctid
      FROM set_aside
      WHERE organization_id = :organization_id AND user_id = u.id
      OFFSET 0
    ) a
  ));
