UPDATE service_credentials
SET expire_time = :expire_time, revoke_time = :revoke_time, replaced_by_id = :replaced_by_id
WHERE id = :id;
