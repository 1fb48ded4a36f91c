WITH added AS (
  INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind, member_id,
    member_group, message_id, traceparent, time)
  SELECT :organization_id, :directory_id, true, :group_id, :revision, :kind, n.id, n.grp, :message_id, :traceparent,
    :time
  FROM unnest(:ids::text[], :groups::boolean[]) WITH ORDINALITY n (id, grp, place)
  ORDER BY n.place
  RETURNING transaction, sequence
)
SELECT max(transaction), max(sequence)
FROM added;
