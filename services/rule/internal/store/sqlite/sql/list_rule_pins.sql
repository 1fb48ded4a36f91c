SELECT rule_id, directory_id, group_id, state, time
FROM rule_pins
WHERE organization_id = :organization_id AND rule_id BETWEEN :first AND :last
ORDER BY rule_id, directory_id;
