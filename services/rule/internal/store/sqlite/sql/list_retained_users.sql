SELECT DISTINCT user_id
FROM sources
WHERE organization_id = :organization_id AND retained = 1
ORDER BY user_id;
