-- Each step finds the next value in the index, however many users have the one before.
WITH RECURSIVE step (value) AS (
  SELECT min(value)
  FROM search_values
  WHERE organization_id = :organization_id AND attribute = 'roleValues' AND value >= :low AND value > :after AND value < :high
  UNION ALL
  SELECT (
    SELECT min(s.value)
    FROM search_values s
    WHERE s.organization_id = :organization_id AND s.attribute = 'roleValues' AND s.value > step.value AND s.value < :high
  )
  FROM step
  WHERE step.value IS NOT NULL
  LIMIT :limit
)
SELECT value,
  (
    SELECT count(*)
    FROM (
      SELECT 1
      FROM search_values s
      WHERE s.organization_id = :organization_id AND s.attribute = 'roleValues' AND s.value = step.value
      LIMIT :users
    )
  )
FROM step
WHERE value IS NOT NULL;
