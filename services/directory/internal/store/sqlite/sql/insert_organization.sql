INSERT INTO organizations (id, display_name, federated, create_time, update_time)
VALUES (:id, :display_name, :federated, :create_time, :update_time)
ON CONFLICT DO NOTHING;
