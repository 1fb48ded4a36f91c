SELECT organization_id, erasing
FROM erased
WHERE erasing > 0;
