SELECT count(*)
FROM roles
WHERE id <> :id;
