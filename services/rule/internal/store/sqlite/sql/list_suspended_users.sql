SELECT s.user_id
FROM json_each(:user_ids) j
CROSS JOIN suspensions s ON s.organization_id = :organization_id AND s.user_id = j.value;
