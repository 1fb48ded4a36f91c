WITH RECURSIVE inside (id) AS (
  SELECT unnest(:ids::text[]) COLLATE "C"
  UNION
  SELECT m.member_id
  FROM inside
  CROSS JOIN LATERAL (
    SELECT member_id, group_id
    FROM members
    WHERE organization_id = :organization_id AND group_id = inside.id AND member_group
    OFFSET 0
  ) m
)
SELECT m.member_id, m.group_id
FROM inside
CROSS JOIN LATERAL (
  SELECT member_id, group_id
  FROM members
  WHERE organization_id = :organization_id AND group_id = inside.id AND member_group
  OFFSET 0
) m
LIMIT :limit;
