-- A user, two search values, and the change record: all rows that Usher writes, in one statement.
WITH n AS (SELECT nextval('load_numbers')::text AS n),
  u AS (INSERT INTO users (organization_id, id, directory_id, user_name, user_name_folded, external_id, display_name, active, version,
      document, create_time, update_time)
    SELECT :organization, '01910000-0000-7000-8000-' || lpad(n, 12, '0'), :directory, 'db.' || n || '@example.com',
      'db.' || n || '@example.com', 'db-' || n, 'Person ' || n, true, 1, convert_to(:document, 'UTF8'), 1780000000000000, 1780000000000000
    FROM n RETURNING id),
  s AS (INSERT INTO search_values (organization_id, attribute, value, user_id)
    SELECT :organization, v.attribute, v.value || n, id FROM n, u, (VALUES ('emails', 'db@example.com'), ('phoneNumbers', '+1 555 ')) v (attribute, value))
INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind, member_id, member_group, message_id,
    traceparent, time)
  SELECT :organization, :directory, false, id, 1, 1, '', false, '01910000-0000-7000-8000-000000000000',
    '00-00000000000000000000000000000001-0000000000000001-00', 1780000000000000 FROM u
  RETURNING transaction, sequence;
