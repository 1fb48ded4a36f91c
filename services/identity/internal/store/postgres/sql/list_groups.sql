SELECT r.organization_id, r.directory_id, r.id, r.display_name, r.display_name_folded, r.external_id, r.version,
  r.document, r.create_time, r.update_time
FROM (
  SELECT r.*, octet_length(r.document) AS own,
    sum(octet_length(r.document)) OVER (ORDER BY r.id ROWS UNBOUNDED PRECEDING) AS upto
  FROM (
    SELECT r.*
    FROM groups r
    WHERE r.organization_id = :organization_id AND r.directory_id = :directory_id AND r.id > :after
    ORDER BY r.id
    LIMIT :limit
  ) r
) r
WHERE upto - own < :bytes
ORDER BY r.id;
