-- The memberships of the users of list_facts; with only_live, of the live users alone.
WITH RECURSIVE inside (id) AS (
  SELECT r.id
  FROM (
    SELECT r.id, r.document, r.active AND NOT d.closed AS live,
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
  WHERE (r.upto <= :bytes OR r.upto = octet_length(r.document)) AND (r.live OR NOT :only_live::boolean)
  UNION
  SELECT m.group_id
  FROM inside
  CROSS JOIN LATERAL (
    SELECT member_id, group_id
    FROM members
    WHERE organization_id = :organization_id AND member_id = inside.id
    OFFSET 0
  ) m
)
SELECT m.member_id, m.group_id
FROM inside
CROSS JOIN LATERAL (
  SELECT member_id, group_id
  FROM members
  WHERE organization_id = :organization_id AND member_id = inside.id
  OFFSET 0
) m
LIMIT :limit;
