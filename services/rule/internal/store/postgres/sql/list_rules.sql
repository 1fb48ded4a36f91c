-- A limit of NULL means all.
SELECT organization_id, id, display_name, enabled, match_kind, match_value, unresolved, revision, create_time,
  update_time
FROM rules
WHERE organization_id = :organization_id AND id > :after
ORDER BY id
LIMIT :limit;
