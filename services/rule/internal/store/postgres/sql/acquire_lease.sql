INSERT INTO organizations AS o (organization_id, owner_id, owner_token, owner_expire_time)
VALUES (:organization_id, :owner_id, 1, :expire)
ON CONFLICT (organization_id) DO UPDATE
SET owner_id = excluded.owner_id, owner_token = o.owner_token + 1, owner_expire_time = excluded.owner_expire_time
WHERE o.erasing = 0 AND (o.owner_id = excluded.owner_id OR o.owner_expire_time <= :now)
RETURNING owner_token;
