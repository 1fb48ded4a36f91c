SELECT o.id, (
    SELECT count(*)
    FROM set_aside a
    WHERE a.organization_id = o.id
  ), (
    SELECT coalesce(min(a.as_of), 0)
    FROM set_aside a
    WHERE a.organization_id = o.id
  ), (
    SELECT count(*)
    FROM rule_changes c
    WHERE c.organization_id = o.id
  ), EXISTS (
    SELECT 1
    FROM syncs s
    WHERE s.organization_id = o.id AND s.state = 1
  )
FROM unnest(:organization_ids::text[]) AS o (id);
