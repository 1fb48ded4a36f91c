WITH d AS (
  SELECT closed
  FROM directories
  WHERE organization_id = :organization_id AND id = :directory_id
),
put AS (
  INSERT INTO users (organization_id, directory_id, id, user_name, user_name_folded, external_id, display_name, active,
    version, document, create_time, update_time)
  SELECT :organization_id, :directory_id, :id, :user_name, :user_name_folded, :external_id, :display_name,
    :active::boolean, 1, :document::bytea, :time, :time
  FROM d
  WHERE NOT d.closed
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
)
SELECT (SELECT closed FROM d), (SELECT transaction FROM change), (SELECT sequence FROM change);
