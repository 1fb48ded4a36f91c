INSERT INTO erased (organization_id, time, erasing, ended)
VALUES (:organization_id, :now, :asked, 0)
ON CONFLICT DO UPDATE
SET time = max(time, excluded.time), erasing = max(erasing, excluded.erasing);
