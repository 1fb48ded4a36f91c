UPDATE rule_changes
SET earlier_time = 0
WHERE organization_id = :organization_id AND earlier_time <> 0;
