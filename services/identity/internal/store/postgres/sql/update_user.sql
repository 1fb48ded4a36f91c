-- A lost compare-and-set has no row in put, so it writes nothing. The user stays in the directory :from or leaves it. The directory
-- must be closed for a detached user, and open for others.
WITH d AS (
  SELECT closed
  FROM directories
  WHERE organization_id = :organization_id AND id = :directory_id
),
put AS (
  UPDATE users
  SET directory_id = :directory_id, user_name = :user_name, user_name_folded = :user_name_folded,
    external_id = :external_id, display_name = :display_name, active = :active, version = version + 1,
    document = :document, update_time = :time
  FROM d
  WHERE d.closed = :detached::boolean AND organization_id = :organization_id AND id = :id AND directory_id = :from
    AND version = :version
  RETURNING version
),
search AS (
  INSERT INTO search_values (organization_id, attribute, value, user_id)
  SELECT :organization_id, n.attribute, n.value, :id
  FROM put, unnest(:attributes::text[], :values::text[]) n (attribute, value)
  ON CONFLICT DO NOTHING
),
change AS (
  INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind, member_id,
    member_group, message_id, traceparent, time)
  SELECT :organization_id, :directory_id, false, :id, version, :kind::integer, '', false, :message_id, :traceparent,
    :time::bigint
  FROM put
  RETURNING transaction, sequence
),
unsearch AS (
  DELETE FROM search_values s
  USING put
  WHERE s.organization_id = :organization_id AND s.user_id = :id
    AND NOT EXISTS (
      SELECT 1
      FROM unnest(:attributes::text[], :values::text[]) n (attribute, value)
      WHERE n.attribute = s.attribute AND n.value = s.value
    )
)
SELECT (SELECT closed FROM d), (SELECT transaction FROM change), (SELECT sequence FROM change);
