-- One row for each membership, of a user or of a group that was found, and one row without a member for the name of
-- each group. The users of a page are mostly in the same groups, so each name is read once.
WITH RECURSIVE edge (member_id, id) AS (
  SELECT wanted.id COLLATE "C", m.group_id COLLATE "C"
  FROM (
    SELECT id
    FROM users
    WHERE organization_id = :organization_id AND directory_id = :directory_id AND id = :id
  ) wanted (id)
  CROSS JOIN LATERAL (
    SELECT group_id
    FROM members
    WHERE organization_id = :organization_id AND member_id = wanted.id
    OFFSET 0
  ) m
  UNION
  SELECT found.id, m.group_id
  FROM (SELECT DISTINCT id FROM edge) found
  CROSS JOIN LATERAL (
    SELECT group_id
    FROM members
    WHERE organization_id = :organization_id AND member_id = found.id
    OFFSET 0
  ) m
)
SELECT member_id, id, ''
FROM edge
UNION ALL
SELECT '', g.id, g.display_name
FROM (SELECT DISTINCT id FROM edge) found
CROSS JOIN LATERAL (
  SELECT id, display_name
  FROM groups
  WHERE organization_id = :organization_id AND id = found.id AND directory_id = :directory_id
  OFFSET 0
) g;
