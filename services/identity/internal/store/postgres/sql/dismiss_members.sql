WITH gone AS (
  DELETE FROM members
  WHERE organization_id = :organization_id AND group_id = :group_id
  RETURNING member_id, member_group
)
INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind, member_id,
    member_group, message_id, traceparent, time)
SELECT :organization_id, :directory_id, true, :group_id, :revision, :kind, member_id, member_group, :message_id,
  :traceparent, :time
FROM gone
ORDER BY member_id;
