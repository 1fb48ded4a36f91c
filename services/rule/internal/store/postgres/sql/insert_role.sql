INSERT INTO roles (id, display_name, scope, rank)
VALUES (:id, :display_name, :scope, :rank)
ON CONFLICT DO NOTHING;
