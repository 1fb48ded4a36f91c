INSERT INTO rule_pins (organization_id, rule_id, directory_id, group_id, state, time)
SELECT :organization_id, :rule_id, p.*
FROM unnest(:directory_ids::text[], :group_ids::text[], :states::integer[], :times::bigint[]) AS p;
