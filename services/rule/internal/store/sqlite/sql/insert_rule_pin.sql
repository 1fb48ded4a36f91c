INSERT INTO rule_pins (organization_id, rule_id, directory_id, group_id, state, time)
VALUES (:organization_id, :rule_id, :directory_id, :group_id, :state, :time);
