-- new_users finds only users. If a new member is a group or unknown, nothing is written. The record of the document comes
-- first. Kinds of change: 4 is MemberAdded.
WITH d AS (
  SELECT closed, unique_group_names
  FROM directories
  WHERE organization_id = :organization_id AND id = :directory_id
),
new_users AS (
  SELECT r.id
  FROM (
    SELECT :organization_id::text AS organization_id, :directory_id::text AS directory_id,
      :group_id::text AS group_id, id
    FROM unnest(:adds::text[]) id
    OFFSET 0
  ) n
  JOIN users r ON r.organization_id = n.organization_id AND r.id = n.id AND r.directory_id = n.directory_id
  ORDER BY r.id
  FOR KEY SHARE OF r
),
taken AS (
  SELECT EXISTS (
    SELECT 1
    FROM d, groups g
    WHERE d.unique_group_names AND g.organization_id = :organization_id
      AND g.display_name_folded = :display_name_folded AND g.directory_id = :directory_id AND g.id <> :group_id
  ) AS name
),
put AS (
  INSERT INTO groups (organization_id, directory_id, id, display_name, display_name_folded, external_id, version,
    document, create_time, update_time)
  SELECT :organization_id, :directory_id, :group_id, :display_name, :display_name_folded, :external_id, 1,
    :document::bytea, :time, :time
  FROM d, taken
  WHERE NOT d.closed AND NOT taken.name AND (SELECT count(*) FROM new_users) = cardinality(:adds)
  RETURNING version
),
added AS (
  INSERT INTO members (organization_id, group_id, member_id, member_group, carried)
  SELECT :organization_id, :group_id, new_users.id, false, false
  FROM put, new_users
  RETURNING member_id
),
old AS (
  SELECT 0 AS version, 0 AS update_time
  WHERE cardinality(:removes::text[]) = 0
),
change AS (
  INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind, member_id,
    member_group, message_id, traceparent, time)
  SELECT :organization_id, :directory_id, true, :group_id, put.version, r.kind, r.member_id, r.member_group,
    :message_id, :traceparent, :time::bigint
  FROM put, (
    SELECT :kind::integer AS kind, 0 AS place, '' AS member_id, false AS member_group
    UNION ALL
    SELECT 4, array_position(:order::text[], member_id), member_id, false
    FROM added
  ) r
  ORDER BY r.place
  RETURNING transaction, sequence
)
SELECT (SELECT closed FROM d), (SELECT version FROM old), (SELECT update_time FROM old), (SELECT name FROM taken),
  (SELECT count(*) FROM new_users), (SELECT version FROM put), (SELECT max(transaction) FROM change),
  (SELECT max(sequence) FROM change);
