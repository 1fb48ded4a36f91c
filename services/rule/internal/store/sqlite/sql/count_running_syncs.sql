SELECT count(*)
FROM syncs
WHERE state = 1;
