DELETE FROM sessions
WHERE id IN (SELECT id FROM sessions WHERE organization_id = :organization_id LIMIT :limit);
