SELECT r.organization_id, r.directory_id, r.id, r.display_name, r.display_name_folded, r.external_id, r.version,
  r.document, r.create_time, r.update_time
FROM groups r
WHERE r.organization_id = :organization_id AND r.directory_id = :directory_id
  AND r.external_id = :external_id AND r.external_id <> '';
