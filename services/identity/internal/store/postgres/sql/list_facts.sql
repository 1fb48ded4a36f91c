-- The length of a document is known without reading a document that is stored out of line. The first document is read,
-- whatever its length.
SELECT r.organization_id, r.directory_id, r.id, r.user_name, r.user_name_folded, r.external_id, r.display_name,
  r.active, r.version, r.document, r.create_time, r.update_time, r.closed, r.there
FROM (
  SELECT r.*, d.closed, count(*) OVER () AS there,
    sum(octet_length(r.document)) OVER (ORDER BY r.id) AS upto
  FROM (
    SELECT :organization_id::text AS organization_id, id
    FROM (SELECT DISTINCT unnest(:ids::text[]) AS id) ids
    OFFSET 0
  ) n
  CROSS JOIN LATERAL (
    SELECT *
    FROM users
    WHERE organization_id = n.organization_id AND id = n.id
    OFFSET 0
  ) r
  JOIN directories d ON d.organization_id = r.organization_id AND d.id = r.directory_id
) r
WHERE (r.upto <= :bytes OR r.upto = octet_length(r.document))
ORDER BY r.id;
