SELECT count(*), coalesce(min(CASE WHEN earlier_time = 0 THEN later_time ELSE earlier_time END), 0)
FROM rule_changes
WHERE organization_id = :organization_id;
