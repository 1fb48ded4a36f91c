SELECT DISTINCT organization_id
FROM changes
WHERE (transaction, sequence) > (:transaction, :sequence)
  AND transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
ORDER BY 1;
