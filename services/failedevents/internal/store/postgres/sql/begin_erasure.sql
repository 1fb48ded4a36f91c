INSERT INTO erased AS x (organization_id, time, erasing, ended)
VALUES (:organization_id, :now, :asked, 0)
ON CONFLICT (organization_id) DO UPDATE
SET time = greatest(x.time, excluded.time), erasing = greatest(x.erasing, excluded.erasing)
WHERE x.ended <> excluded.erasing;
