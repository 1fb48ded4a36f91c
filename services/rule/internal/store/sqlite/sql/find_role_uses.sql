SELECT EXISTS (
  SELECT 1
  FROM organizations o
  WHERE EXISTS (
    SELECT 1
    FROM rule_grants g
    WHERE g.organization_id = o.organization_id AND g.role_id = :id
  )
), EXISTS (
  SELECT 1
  FROM organizations o
  WHERE EXISTS (
    SELECT 1
    FROM sources s
    WHERE s.organization_id = o.organization_id AND s.role_id = :id
  )
);
