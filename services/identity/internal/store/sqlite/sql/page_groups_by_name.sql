-- CROSS JOIN keeps the order of the page. Sorting again would put all its documents into memory.
SELECT r.organization_id, r.directory_id, r.id, r.display_name, r.display_name_folded, r.external_id, r.version,
  r.document, r.create_time, r.update_time
FROM (
  SELECT id
  FROM groups
  WHERE organization_id = :organization_id AND directory_id = :directory_id
  ORDER BY display_name_folded, id
  LIMIT :limit
  OFFSET :skip
) page
CROSS JOIN groups r ON r.organization_id = :organization_id AND r.id = page.id;
