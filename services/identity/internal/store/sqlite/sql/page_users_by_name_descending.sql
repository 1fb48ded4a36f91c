-- CROSS JOIN keeps the order of the page. Sorting again would put all its documents into memory.
SELECT r.organization_id, r.directory_id, r.id, r.user_name, r.user_name_folded, r.external_id, r.display_name,
  r.active, r.version, r.document, r.create_time, r.update_time
FROM (
  SELECT id
  FROM users
  WHERE organization_id = :organization_id AND directory_id = :directory_id
  ORDER BY user_name_folded DESC, id DESC
  LIMIT :limit
  OFFSET :skip
) page
CROSS JOIN users r ON r.organization_id = :organization_id AND r.id = page.id;
