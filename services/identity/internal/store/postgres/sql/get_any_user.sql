SELECT r.organization_id, r.directory_id, r.id, r.user_name, r.user_name_folded, r.external_id, r.display_name,
  r.active, r.version, r.document, r.create_time, r.update_time, d.closed
FROM users r
JOIN directories d ON d.organization_id = r.organization_id AND d.id = r.directory_id
WHERE r.organization_id = :organization_id AND r.id = :id;
