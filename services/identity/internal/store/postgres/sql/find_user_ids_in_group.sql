WITH RECURSIVE inside (id) AS (
  SELECT :group_id::text COLLATE "C"
  UNION
  SELECT m.member_id
  FROM inside
  CROSS JOIN LATERAL (
    SELECT member_id
    FROM members
    WHERE organization_id = :organization_id AND group_id = inside.id AND member_group
    OFFSET 0
  ) m
)
SELECT m.member_id
FROM inside
CROSS JOIN LATERAL (
  SELECT member_id
  FROM members
  WHERE organization_id = :organization_id AND group_id = inside.id AND NOT member_group
  OFFSET 0
) m
LIMIT :limit;
