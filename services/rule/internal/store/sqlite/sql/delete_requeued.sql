DELETE FROM requeued
WHERE organization_id = :organization_id AND user_id IN (SELECT value FROM json_each(:user_ids));
