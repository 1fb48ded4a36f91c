DELETE FROM rule_pins
WHERE organization_id = :organization_id AND rule_id = :rule_id;
