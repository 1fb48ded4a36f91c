SELECT r.organization_id, r.directory_id, r.id, r.user_name, r.user_name_folded, r.external_id, r.display_name,
  r.active, r.version, r.document, r.create_time, r.update_time
FROM users r
WHERE r.organization_id = :organization_id AND r.directory_id = :directory_id AND r.user_name_folded = :name;
