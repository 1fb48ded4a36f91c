INSERT INTO erased_names (organization_id, key, time)
VALUES (:organization_id, :key, :until)
ON CONFLICT DO UPDATE
SET time = max(time, excluded.time);
