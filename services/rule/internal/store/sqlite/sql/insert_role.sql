INSERT OR IGNORE INTO roles (id, display_name, scope, rank)
VALUES (:id, :display_name, :scope, :rank);
