-- The last row is the one that reaches the limit of bytes.
DELETE FROM users
WHERE rowid IN (
  SELECT id
  FROM (
    SELECT id, sum(size) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) - size AS before
    FROM (
      SELECT rowid AS id, length(document) AS size
      FROM users
      WHERE organization_id = :organization_id
      LIMIT :limit
    )
  )
  WHERE before < :bytes
);
