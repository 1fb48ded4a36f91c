UPDATE tenants
SET display_name = :display_name, update_time = :update_time
WHERE organization_id = :organization_id AND id = :id;
