SELECT generation, checkpoint, owner_id, owner_token, owner_expire_time, recovering, recovery_token, recovery_after,
  as_of, behind, when_unknown, erasing, erased
FROM organizations
WHERE organization_id = :organization_id
FOR UPDATE;
