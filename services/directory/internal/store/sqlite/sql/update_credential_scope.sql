UPDATE service_credentials
SET organization_ids = :organization_ids
WHERE id = :id;
