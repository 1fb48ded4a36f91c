SELECT r.organization_id, r.directory_id, r.id, r.display_name, r.display_name_folded, r.external_id, r.version,
  r.document, r.create_time, r.update_time
FROM (
  SELECT 1 AS way, d.key AS place, min(r.id) AS id
  FROM json_each(:directory_ids) d
  CROSS JOIN groups r ON r.organization_id = :organization_id AND r.directory_id = d.value
    AND r.external_id = :external_id AND r.external_id <> ''
  GROUP BY d.key
  HAVING count(*) = 1
  UNION ALL
  SELECT 2 AS way, d.key AS place, min(r.id) AS id
  FROM json_each(:directory_ids) d
  CROSS JOIN groups r ON r.organization_id = :organization_id AND r.directory_id = d.value
    AND r.display_name_folded = :name
  GROUP BY d.key
  HAVING count(*) = 1
  ORDER BY 1, 2
  LIMIT 1
) found
CROSS JOIN groups r ON r.organization_id = :organization_id AND r.id = found.id;
