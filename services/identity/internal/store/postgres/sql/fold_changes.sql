-- Kinds of change: 1 is Created, 3 is Deleted. The rows without a directory are for the whole organization: an adoption, which is a
-- Created of a later revision, does not change them. They have a position of their own: an older binary does not move it.
WITH past AS (
  SELECT transaction, everywhere
  FROM folded
  FOR UPDATE SKIP LOCKED
),
-- All records of a transaction are folded together.
until AS (
  SELECT next.transaction IS NOT NULL AS more,
    CASE
      WHEN next.transaction IS NULL THEN pg_snapshot_xmin(pg_current_snapshot())::text::bigint
      ELSE greatest(next.transaction, past.transaction + 1)
    END AS transaction
  FROM past
  LEFT JOIN LATERAL (
    SELECT c.transaction
    FROM changes c
    WHERE c.transaction >= past.transaction
      AND c.transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    ORDER BY c.transaction, c.sequence
    OFFSET :most
    LIMIT 1
  ) next ON true
),
news AS (
  SELECT c.organization_id, c.directory_id, c.resource_group,
    sum(CASE kind WHEN 1 THEN 1 WHEN 3 THEN -1 ELSE 0 END) AS total, count(*) AS records
  FROM past, until, changes c
  WHERE c.transaction >= past.transaction AND c.transaction < until.transaction
  GROUP BY c.organization_id, c.directory_id, c.resource_group
),
news_everywhere AS (
  SELECT c.organization_id, c.resource_group,
    sum(CASE WHEN kind = 1 AND revision = 1 THEN 1 WHEN kind = 3 THEN -1 ELSE 0 END) AS total
  FROM past, until, changes c
  WHERE c.transaction >= past.everywhere AND c.transaction < until.transaction
  GROUP BY c.organization_id, c.resource_group
),
put AS (
  INSERT INTO totals (organization_id, directory_id, resource_group, total)
  SELECT organization_id, directory_id, resource_group, total
  FROM (
    SELECT organization_id, directory_id, resource_group, total
    FROM news
    UNION ALL
    SELECT organization_id, '', resource_group, total
    FROM news_everywhere
  ) n
  WHERE total <> 0
  ORDER BY organization_id, directory_id, resource_group
  ON CONFLICT (organization_id, directory_id, resource_group) DO UPDATE
  SET total = totals.total + excluded.total
),
done AS (
  UPDATE folded
  SET transaction = until.transaction, everywhere = greatest(folded.everywhere, until.transaction),
    records = folded.records + coalesce((SELECT sum(records) FROM news), 0)
  FROM until
  WHERE until.more OR EXISTS (SELECT 1 FROM news) OR EXISTS (SELECT 1 FROM news_everywhere)
)
SELECT coalesce((SELECT more FROM until), false);
