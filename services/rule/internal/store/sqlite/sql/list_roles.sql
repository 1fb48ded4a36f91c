SELECT id, display_name, scope, rank
FROM roles
ORDER BY scope, rank, id;
