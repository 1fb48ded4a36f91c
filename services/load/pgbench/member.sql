-- A member is added to one of some groups, and removed: one transaction each, with the group's version and the change record.
\set g random(:first, :last)
\set n :users - 1 - :client_id * :spare - random(0, :spare - 1)
WITH g AS (UPDATE groups SET version = version + 1, update_time = 1780000000000000
    WHERE organization_id = :organization AND id = '01900000-0000-7000-9000-' || lpad(to_hex(:g::integer), 12, '0') RETURNING id, version),
  m AS (INSERT INTO members (organization_id, group_id, member_id, member_group, carried)
    SELECT :organization, id, '01900000-0000-7000-8000-' || lpad(to_hex(:n::integer), 12, '0'), false, false FROM g
    ON CONFLICT DO NOTHING RETURNING member_id)
INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind, member_id, member_group, message_id,
    traceparent, time)
  SELECT :organization, :directory, true, g.id, version, 4, member_id, false, '01910000-0000-7000-8000-000000000000',
    '00-00000000000000000000000000000001-0000000000000001-00', 1780000000000000 FROM g, m
  RETURNING transaction, sequence;
WITH g AS (UPDATE groups SET version = version + 1, update_time = 1780000000000000
    WHERE organization_id = :organization AND id = '01900000-0000-7000-9000-' || lpad(to_hex(:g::integer), 12, '0') RETURNING id, version),
  m AS (DELETE FROM members USING g WHERE organization_id = :organization AND group_id = g.id
    AND member_id = '01900000-0000-7000-8000-' || lpad(to_hex(:n::integer), 12, '0') RETURNING member_id)
INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind, member_id, member_group, message_id,
    traceparent, time)
  SELECT :organization, :directory, true, g.id, version, 5, member_id, false, '01910000-0000-7000-8000-000000000000',
    '00-00000000000000000000000000000001-0000000000000001-00', 1780000000000000 FROM g, m
  RETURNING transaction, sequence;
