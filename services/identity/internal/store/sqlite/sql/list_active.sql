SELECT DISTINCT organization_id
FROM changes
WHERE sequence > :after AND sequence <= :end
ORDER BY 1;
