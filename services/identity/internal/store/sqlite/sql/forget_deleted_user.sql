DELETE FROM deleted_users
WHERE organization_id = :organization_id AND id = :id
RETURNING erased;
