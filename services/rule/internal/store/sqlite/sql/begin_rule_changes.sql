UPDATE rule_changes
SET earlier_time = CASE WHEN earlier_time = 0 THEN later_time ELSE earlier_time END, later_time = 0
WHERE organization_id = :organization_id AND later_time <> 0;
