WITH delivered AS (
  SELECT r.organization_id, r.id
  FROM reports r
  JOIN unnest(:organization_ids::text[], :ids::text[])
      AS d (organization_id, id) ON r.organization_id = d.organization_id AND r.id = d.id
  ORDER BY r.organization_id, r.id
  FOR UPDATE OF r
)
DELETE FROM reports r
USING delivered d
WHERE r.organization_id = d.organization_id AND r.id = d.id;
