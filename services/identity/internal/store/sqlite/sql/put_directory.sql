INSERT INTO directories (organization_id, id, strict, unique_group_names, adopt_by_name, replaces_id, closed)
VALUES (:organization_id, :id, :strict, :unique_group_names, :adopt_by_name, :replaces_id, :closed)
ON CONFLICT (organization_id, id) DO UPDATE
SET strict = excluded.strict, unique_group_names = excluded.unique_group_names, adopt_by_name = excluded.adopt_by_name, closed = max(closed, excluded.closed);
