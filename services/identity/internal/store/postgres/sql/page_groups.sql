-- Only the index is read to find the ids; only the rows of the page are read from the table.
SELECT r.organization_id, r.directory_id, r.id, r.display_name, r.display_name_folded, r.external_id, r.version,
  r.document, r.create_time, r.update_time
FROM (
  SELECT r.*, octet_length(r.document) AS own,
    sum(octet_length(r.document)) OVER (ORDER BY r.id ROWS UNBOUNDED PRECEDING) AS upto
  FROM (
    SELECT r.*
    FROM (
      SELECT id
      FROM groups
      WHERE organization_id = :organization_id AND directory_id = :directory_id
      ORDER BY id
      LIMIT :limit
      OFFSET :skip
    ) page
    JOIN groups r ON r.organization_id = :organization_id AND r.id = page.id
  ) r
) r
WHERE upto - own < :bytes
ORDER BY r.id;
