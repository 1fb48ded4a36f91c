INSERT OR IGNORE INTO tenants (organization_id, id, display_name, create_time, update_time)
VALUES (:organization_id, :id, :display_name, :create_time, :update_time);
