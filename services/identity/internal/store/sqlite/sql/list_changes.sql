SELECT sequence, organization_id, directory_id, resource_group, resource_id, revision, kind, member_id, member_group,
  message_id, traceparent, time
FROM changes
WHERE organization_id = :organization_id AND sequence > :after AND sequence <= :end
ORDER BY sequence
LIMIT :limit;
