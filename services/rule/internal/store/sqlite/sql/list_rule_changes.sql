SELECT c.rule_id, CASE WHEN c.earlier_time = 0 THEN c.later_time ELSE c.earlier_time END
FROM rule_changes c
WHERE c.organization_id = :organization_id AND EXISTS (
  SELECT 1
  FROM rules r
  WHERE r.organization_id = c.organization_id AND r.id = c.rule_id
)
ORDER BY c.rule_id;
