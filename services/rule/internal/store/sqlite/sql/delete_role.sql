DELETE FROM roles
WHERE id = :id;
