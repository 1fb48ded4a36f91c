DELETE FROM users
WHERE organization_id = :organization_id AND id = :id;
