DELETE FROM rule_changes
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM rule_changes
  WHERE organization_id = :organization_id
  ORDER BY rule_id
  LIMIT :limit
));
