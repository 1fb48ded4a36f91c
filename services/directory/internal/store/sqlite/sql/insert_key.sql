INSERT INTO keys (organization_id, directory_id, id, display_name, digest, create_time, expire_time, revoke_time)
VALUES (:organization_id, :directory_id, :id, :display_name, :digest, :create_time, :expire_time, 0);
