-- An organization notes a limited number of rules.
INSERT INTO rule_changes (organization_id, rule_id, earlier_time, later_time)
SELECT :organization_id, :rule_id, 0, :now
WHERE EXISTS (SELECT 1 FROM rule_changes WHERE organization_id = :organization_id AND rule_id = :rule_id)
  OR (SELECT count(*) FROM rule_changes WHERE organization_id = :organization_id) < :most
ON CONFLICT DO UPDATE
SET later_time = excluded.later_time
WHERE rule_changes.later_time = 0;
