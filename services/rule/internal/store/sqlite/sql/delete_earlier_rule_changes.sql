DELETE FROM rule_changes
WHERE organization_id = :organization_id AND later_time = 0;
