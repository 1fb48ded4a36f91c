-- Two rows are enough to see that a name is ambiguous.
SELECT r.organization_id, r.directory_id, r.id, r.display_name, r.display_name_folded, r.external_id, r.version,
  r.document, r.create_time, r.update_time
FROM (
  SELECT d.place, r.*, count(*) OVER (PARTITION BY r.way, d.place) AS same
  FROM unnest(:directory_ids::text[]) WITH ORDINALITY d (id, place)
  CROSS JOIN LATERAL (
    (
      SELECT 1 AS way, r.*
      FROM groups r
      WHERE r.organization_id = :organization_id AND r.directory_id = d.id AND r.external_id = :external_id
        AND r.external_id <> ''
      LIMIT 2
    )
    UNION ALL
    (
      SELECT 2, r.*
      FROM groups r
      WHERE r.organization_id = :organization_id AND r.directory_id = d.id AND r.display_name_folded = :name
      LIMIT 2
    )
  ) r
) r
WHERE r.same = 1
ORDER BY r.way, r.place
LIMIT 1;
