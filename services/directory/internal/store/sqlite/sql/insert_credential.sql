INSERT INTO service_credentials (id, display_name, organization_ids, all_organizations, scopes, digest, create_time, expire_time, revoke_time)
VALUES (:id, :display_name, :organization_ids, :all_organizations, :scopes, :digest, :create_time, :expire_time, 0);
