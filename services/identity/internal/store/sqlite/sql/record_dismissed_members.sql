INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind, member_id,
    member_group, message_id, traceparent, time)
SELECT organization_id, :directory_id, 1, group_id, :revision, :kind, member_id, member_group, :message_id,
  :traceparent, :time
FROM members
WHERE organization_id = :organization_id AND group_id = :group_id;
