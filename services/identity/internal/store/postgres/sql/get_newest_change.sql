SELECT
  coalesce(
    (
      SELECT transaction
      FROM changes
      WHERE transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
      ORDER BY transaction DESC, sequence DESC
      LIMIT 1
    ),
    0
  ),
  EXISTS (
    SELECT 1
    FROM changes
    WHERE transaction >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
  );
