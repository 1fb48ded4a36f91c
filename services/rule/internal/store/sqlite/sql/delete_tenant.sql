DELETE FROM tenants
WHERE organization_id = :organization_id AND id = :id;
