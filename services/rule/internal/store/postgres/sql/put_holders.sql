INSERT INTO holders (organization_id, user_id, active, directory_id, detached, digest, unknown_as_of, rule_access,
    suspended)
SELECT :organization_id, h.*, EXISTS (
  SELECT 1
  FROM suspensions p
  WHERE p.organization_id = :organization_id AND p.user_id = h.user_id
)
FROM unnest(:user_ids::text[], :actives::boolean[], :directory_ids::text[], :detached::boolean[], :digests::text[],
    :unknown_as_of::bigint[], :rule_access::integer[]) AS h (user_id, active, directory_id, detached, digest,
    unknown_as_of, rule_access)
ON CONFLICT (organization_id, user_id) DO UPDATE
SET active = excluded.active, directory_id = excluded.directory_id, detached = excluded.detached,
  digest = excluded.digest, unknown_as_of = excluded.unknown_as_of, rule_access = excluded.rule_access;
