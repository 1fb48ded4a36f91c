-- Kind 2 is an ignored attribute, 4 an unregistered one.
INSERT INTO message_counts (organization_id, directory_id, kind, name, messages, first_time, last_time, last_message_id)
SELECT :organization_id, :directory_id, :kind, :name, :messages, :first_time, :last_time, :last_message_id
FROM directories
WHERE organization_id = :organization_id AND id = :directory_id
  AND (
    :kind NOT IN (2, 4)
    OR EXISTS (
      SELECT 1
      FROM message_counts
      WHERE organization_id = :organization_id AND directory_id = :directory_id AND kind = :kind AND name = :name
    )
    OR (
      SELECT count(*)
      FROM message_counts
      WHERE organization_id = :organization_id AND directory_id = :directory_id AND kind = :kind
    ) < :max_ignored
  )
ON CONFLICT (organization_id, directory_id, kind, name) DO UPDATE
SET messages = messages + excluded.messages, first_time = min(first_time, excluded.first_time),
  last_time = max(last_time, excluded.last_time),
  last_message_id = CASE WHEN excluded.last_time >= last_time THEN excluded.last_message_id ELSE last_message_id END;
