DELETE FROM organizations
WHERE id = :id AND clear_time <> 0;
