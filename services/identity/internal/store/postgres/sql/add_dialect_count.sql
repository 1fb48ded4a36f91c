-- An erasure of the directory waits for this.
INSERT INTO dialect_counts AS o (organization_id, directory_id, ignored, name, messages, first_time, last_time,
    last_message_id)
SELECT :organization_id, :directory_id, :ignored, :name, :messages, :first_time, :last_time, :last_message_id
FROM (SELECT FROM directories WHERE organization_id = :organization_id AND id = :directory_id FOR KEY SHARE) d
WHERE NOT :ignored
  OR EXISTS (
    SELECT 1
    FROM dialect_counts
    WHERE organization_id = :organization_id AND directory_id = :directory_id AND ignored = :ignored AND name = :name
  )
  OR (
    SELECT count(*)
    FROM dialect_counts
    WHERE organization_id = :organization_id AND directory_id = :directory_id AND ignored = :ignored
  ) < :max_ignored
ON CONFLICT (organization_id, directory_id, ignored, name) DO UPDATE
SET messages = o.messages + excluded.messages, first_time = least(o.first_time, excluded.first_time),
  last_time = greatest(o.last_time, excluded.last_time),
  last_message_id = CASE
    WHEN excluded.last_time >= o.last_time THEN excluded.last_message_id
    ELSE o.last_message_id
  END;
