-- The last row is the one that reaches the limit of bytes.
DELETE FROM schemas
WHERE organization_id = :organization_id AND (directory_id, id) IN (
  SELECT directory_id, id
  FROM (
    SELECT directory_id, id, sum(size) OVER (ORDER BY directory_id, id ROWS UNBOUNDED PRECEDING) - size AS before
    FROM (
      SELECT directory_id, id, length(definition) AS size
      FROM schemas
      WHERE organization_id = :organization_id
      ORDER BY directory_id, id
      LIMIT :limit
    )
  )
  WHERE before < :bytes
);
