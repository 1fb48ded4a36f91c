INSERT INTO holders (organization_id, user_id, active, directory_id, detached, digest, suspended, unknown_as_of,
    rule_access)
VALUES (:organization_id, :user_id, :active, :directory_id, :detached, :digest,
    EXISTS (SELECT 1 FROM suspensions WHERE organization_id = :organization_id AND user_id = :user_id),
    :unknown_as_of, :rule_access)
ON CONFLICT DO UPDATE
SET active = excluded.active, directory_id = excluded.directory_id, detached = excluded.detached,
  digest = excluded.digest, unknown_as_of = excluded.unknown_as_of, rule_access = excluded.rule_access;
