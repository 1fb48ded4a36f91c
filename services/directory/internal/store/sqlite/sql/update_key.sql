UPDATE keys
SET expire_time = :expire_time, revoke_time = :revoke_time, replaced_by_id = :replaced_by_id
WHERE organization_id = :organization_id AND directory_id = :directory_id AND id = :id;
