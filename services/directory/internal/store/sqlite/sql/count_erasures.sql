SELECT count(*)
FROM organizations
WHERE erase_time <> 0;
