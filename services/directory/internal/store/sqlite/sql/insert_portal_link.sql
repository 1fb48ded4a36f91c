INSERT INTO portal_links (organization_id, id, digest, scopes, new_directory, directory_id, created_by, create_time, expire_time, use_time, use_address, revoke_time)
VALUES (:organization_id, :id, :digest, :scopes, :new_directory, :directory_id, :created_by, :create_time, :expire_time, 0, '', 0);
