INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind, member_id,
    member_group, message_id, traceparent, time)
VALUES (:organization_id, :directory_id, :resource_group, :resource_id, :revision, :kind, :member_id,
    :member_group, :message_id, :traceparent, :time)
RETURNING transaction, sequence;
