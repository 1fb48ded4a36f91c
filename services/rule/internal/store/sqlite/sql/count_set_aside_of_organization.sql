SELECT count(*), coalesce(min(as_of), 0)
FROM set_aside
WHERE organization_id = :organization_id;
