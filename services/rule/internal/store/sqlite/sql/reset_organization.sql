UPDATE organizations
SET generation = generation + 1, checkpoint = '', owner_id = '', owner_token = owner_token + 1, owner_expire_time = 0,
  recovering = 0, recovery_token = '', recovery_after = '', as_of = 0, behind = 0, when_unknown = 0
WHERE organization_id = :organization_id
  AND (checkpoint <> '' OR owner_id <> '' OR recovering <> 0 OR as_of <> 0 OR behind <> 0 OR when_unknown <> 0);
