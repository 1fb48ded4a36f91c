INSERT INTO tenants (organization_id, id, display_name, create_time, update_time)
VALUES (:organization_id, :id, :display_name, :create_time, :update_time)
ON CONFLICT DO NOTHING;
