INSERT INTO dialect_counts (organization_id, directory_id, ignored, name, messages, first_time, last_time, last_message_id)
SELECT :organization_id, :directory_id, :ignored, :name, :messages, :first_time, :last_time, :last_message_id
FROM directories
WHERE organization_id = :organization_id AND id = :directory_id
  AND (
    NOT :ignored
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
  )
ON CONFLICT (organization_id, directory_id, ignored, name) DO UPDATE
SET messages = messages + excluded.messages, first_time = min(first_time, excluded.first_time),
  last_time = max(last_time, excluded.last_time),
  last_message_id = CASE WHEN excluded.last_time >= last_time THEN excluded.last_message_id ELSE last_message_id END;
