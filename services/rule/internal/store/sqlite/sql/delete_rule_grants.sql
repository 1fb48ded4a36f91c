DELETE FROM rule_grants
WHERE organization_id = :organization_id AND rule_id = :rule_id;
