SELECT r.organization_id, r.directory_id, r.id, r.display_name, r.display_name_folded, r.external_id, r.version,
  r.document, r.create_time, r.update_time
FROM (
  SELECT r.*, octet_length(r.document) AS own,
    sum(octet_length(r.document)) OVER (ORDER BY r.id ROWS UNBOUNDED PRECEDING) AS upto
  FROM (
    SELECT r.*
    FROM (
      SELECT :organization_id::text AS organization_id, id
      FROM (SELECT DISTINCT unnest(:ids::text[]) AS id) ids
      OFFSET 0
    ) n
    JOIN groups r ON r.organization_id = n.organization_id AND r.id = n.id
    WHERE r.directory_id = :directory_id
  ) r
) r
WHERE upto - own < :bytes
ORDER BY r.id;
