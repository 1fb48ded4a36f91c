SELECT id, display_name, scope, rank
FROM roles
WHERE id = :id;
