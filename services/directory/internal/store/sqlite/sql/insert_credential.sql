INSERT INTO service_credentials (id, display_name, organization_ids, all_organizations, scopes, address_ranges, digest, create_time, expire_time, revoke_time)
VALUES (:id, :display_name, :organization_ids, :all_organizations, :scopes, :address_ranges, :digest, :create_time, :expire_time, 0);
