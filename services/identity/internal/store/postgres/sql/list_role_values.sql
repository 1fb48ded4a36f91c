-- Each step finds the next value in the index, however many users have the one before.
WITH RECURSIVE step (value) AS (
  (
    SELECT value
    FROM search_values
    WHERE organization_id = :organization_id AND attribute = 'roleValues' AND value >= :low AND value > :after
      AND value < :high
    ORDER BY value
    LIMIT 1
  )
  UNION ALL
  SELECT n.value
  FROM step
  CROSS JOIN LATERAL (
    SELECT value
    FROM search_values
    WHERE organization_id = :organization_id AND attribute = 'roleValues' AND value > step.value AND value < :high
    ORDER BY value
    LIMIT 1
  ) n
)
SELECT value,
  (
    SELECT count(*)
    FROM (
      SELECT 1
      FROM search_values s
      WHERE s.organization_id = :organization_id AND s.attribute = 'roleValues' AND s.value = step.value
      LIMIT :users
    ) u
  )
FROM step
LIMIT :limit;
