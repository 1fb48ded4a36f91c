-- Names are indexed by organization, since many groups may have the same name.
SELECT r.organization_id, r.directory_id, r.id, r.display_name, r.external_id, 0, r.version, r.update_time, d.closed
FROM groups r
JOIN directories d ON d.organization_id = r.organization_id AND d.id = r.directory_id
WHERE r.organization_id = :organization_id AND r.display_name_folded = :name AND r.id > :after
ORDER BY r.id
LIMIT :limit;
