-- The row of revision is locked until the commit, so revisions are committed in their order.
WITH next AS (UPDATE revision SET newest = newest + 1 RETURNING newest)
UPDATE directories
SET display_name = :display_name, strict = :strict, unique_group_names = :unique_group_names, adopt_by_name = :adopt_by_name,
  update_time = :update_time, delete_time = :delete_time, revision = newest
FROM next
WHERE organization_id = :organization_id AND id = :id
RETURNING revision;
