INSERT INTO keys (organization_id, directory_id, id, display_name, digest, create_time, expire_time, revoke_time, created_by, created_by_kind)
VALUES (:organization_id, :directory_id, :id, :display_name, :digest, :create_time, :expire_time, 0, :created_by, :created_by_kind);
