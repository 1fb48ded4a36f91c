SELECT coalesce(max(total), 0)
FROM totals
WHERE organization_id = :organization_id AND directory_id = :directory_id AND resource_group = :resource_group;
