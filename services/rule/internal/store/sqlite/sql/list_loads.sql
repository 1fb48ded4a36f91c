SELECT o.value, (
    SELECT count(*)
    FROM set_aside a
    WHERE a.organization_id = o.value
  ), (
    SELECT coalesce(min(a.as_of), 0)
    FROM set_aside a
    WHERE a.organization_id = o.value
  ), (
    SELECT count(*)
    FROM rule_changes c
    WHERE c.organization_id = o.value
  ), EXISTS (
    SELECT 1
    FROM syncs s
    WHERE s.organization_id = o.value AND s.state = 1
  )
FROM json_each(:organization_ids) o;
