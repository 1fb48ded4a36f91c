-- The row of revision is locked until the commit, so revisions are committed in their order.
WITH next AS (UPDATE revision SET newest = newest + 1 RETURNING newest)
INSERT INTO directories (organization_id, id, display_name, strict, unique_group_names, adopt_by_name, replaces_id,
  create_time, update_time, delete_time, revision)
SELECT :organization_id, :id, :display_name, :strict, :unique_group_names, :adopt_by_name, :replaces_id, :create_time, :update_time, 0, newest
FROM next
RETURNING revision;
