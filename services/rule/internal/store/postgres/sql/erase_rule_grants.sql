DELETE FROM rule_grants
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM rule_grants
  WHERE organization_id = :organization_id
  ORDER BY rule_id, position
  LIMIT :limit
));
