DELETE FROM rule_pins
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM rule_pins
  WHERE organization_id = :organization_id
  ORDER BY rule_id, directory_id
  LIMIT :limit
));
