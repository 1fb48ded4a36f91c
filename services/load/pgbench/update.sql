-- The user's row and the change record. Usher reads the user first.
\set n random(0, :users - 1)
WITH u AS (UPDATE users SET version = version + 1, document = convert_to(:document, 'UTF8'), update_time = 1780000000000000
    WHERE organization_id = :organization AND directory_id = :directory AND id = '01900000-0000-7000-8000-' || lpad(to_hex(:n::integer), 12, '0')
    RETURNING id, version)
INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind, member_id, member_group, message_id,
    traceparent, time)
  SELECT :organization, :directory, false, id, version, 2, '', false, '01910000-0000-7000-8000-000000000000',
    '00-00000000000000000000000000000001-0000000000000001-00', 1780000000000000 FROM u
  RETURNING transaction, sequence;
