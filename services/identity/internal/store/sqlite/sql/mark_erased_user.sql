UPDATE deleted_users
SET erased = 1
WHERE organization_id = :organization_id AND id = :id;
