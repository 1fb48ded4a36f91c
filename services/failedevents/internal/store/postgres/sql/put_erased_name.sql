INSERT INTO erased_names (organization_id, key, time)
VALUES (:organization_id, :key, :until)
ON CONFLICT (organization_id, key) DO UPDATE
SET time = greatest(erased_names.time, excluded.time);
