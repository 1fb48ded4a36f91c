SELECT organization_id, id, display_name, create_time, update_time
FROM tenants
WHERE organization_id = :organization_id AND id = :id;
