-- This writes the document if with_document, and otherwise only the members. The stored version must be :version,
-- unless that is below 0. With members_changed, members were changed before, in the same transaction. The group's row
-- is locked. new_users finds only users. If a new member is a group or unknown, nothing is written. Followers of the feed
-- see no difference when a carried member is confirmed: it counted before. Kinds of change: 1 is Created, 4 is
-- MemberAdded, 5 is MemberRemoved.
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
old AS (
  SELECT version, update_time
  FROM groups
  WHERE organization_id = :organization_id AND directory_id = :directory_id AND id = :group_id
),
ok AS (
  SELECT old.version + 1 AS version
  FROM d, old, taken
  WHERE NOT d.closed AND NOT (:with_document::boolean AND taken.name)
    AND (:version::bigint < 0 OR :version = old.version) AND (SELECT count(*) FROM new_users) = cardinality(:adds)
),
added AS (
  INSERT INTO members (organization_id, group_id, member_id, member_group, carried)
  SELECT :organization_id, :group_id, new_users.id, false, false
  FROM ok, new_users
  ON CONFLICT DO NOTHING
  RETURNING member_id
),
confirmed AS (
  UPDATE members m
  SET carried = false
  FROM (
    SELECT :organization_id::text AS organization_id, :directory_id::text AS directory_id,
      :group_id::text AS group_id, id
    FROM unnest(:adds::text[]) id
    OFFSET 0
  ) n
  WHERE m.organization_id = n.organization_id AND m.group_id = n.group_id AND m.member_id = n.id AND m.carried
    AND EXISTS (SELECT 1 FROM ok)
),
removed AS (
  DELETE FROM members m
  USING (
    SELECT :organization_id::text AS organization_id, :directory_id::text AS directory_id,
      :group_id::text AS group_id, id
    FROM unnest(:removes::text[]) id
    OFFSET 0
  ) n
  WHERE m.organization_id = n.organization_id AND m.group_id = n.group_id AND m.member_id = n.id
    AND EXISTS (SELECT 1 FROM ok)
    AND (
      EXISTS (
        SELECT 1
        FROM users u
        WHERE u.organization_id = :organization_id AND u.id = m.member_id AND u.directory_id = :directory_id
      )
      OR EXISTS (
        SELECT 1
        FROM groups g
        WHERE g.organization_id = :organization_id AND g.id = m.member_id AND g.directory_id = :directory_id
      )
    )
  RETURNING m.member_id, m.member_group
),
moved AS (
  SELECT member_id, 4 AS kind, false AS member_group
  FROM added
  UNION ALL
  SELECT member_id, 5, member_group
  FROM removed
),
put AS (
  UPDATE groups g
  SET version = ok.version, update_time = :time,
    display_name = CASE WHEN :with_document THEN :display_name ELSE g.display_name END,
    display_name_folded = CASE WHEN :with_document THEN :display_name_folded ELSE g.display_name_folded END,
    external_id = CASE WHEN :with_document THEN :external_id ELSE g.external_id END,
    document = CASE WHEN :with_document THEN :document::bytea ELSE g.document END
  FROM ok
  WHERE g.organization_id = :organization_id AND g.id = :group_id
    AND (:with_document OR :members_changed::boolean OR EXISTS (SELECT 1 FROM moved))
  RETURNING g.version
),
documented AS (
  SELECT :kind::integer AS kind, CASE WHEN :kind = 1 THEN 0 ELSE 1 + cardinality(:order::text[]) END AS place
  WHERE :with_document
),
change AS (
  INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind, member_id,
    member_group, message_id, traceparent, time)
  SELECT :organization_id, :directory_id, true, :group_id, put.version, r.kind, r.member_id, r.member_group,
    :message_id, :traceparent, :time::bigint
  FROM put, (
    SELECT kind, place, '' AS member_id, false AS member_group
    FROM documented
    UNION ALL
    SELECT kind, array_position(:order::text[], member_id), member_id, member_group
    FROM moved
  ) r
  ORDER BY r.place
  RETURNING transaction, sequence
)
SELECT (SELECT closed FROM d), (SELECT version FROM old), (SELECT update_time FROM old), (SELECT name FROM taken),
  (SELECT count(*) FROM new_users), (SELECT version FROM put), (SELECT max(transaction) FROM change),
  (SELECT max(sequence) FROM change);
