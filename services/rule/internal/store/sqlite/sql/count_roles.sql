SELECT count(*)
FROM roles;
