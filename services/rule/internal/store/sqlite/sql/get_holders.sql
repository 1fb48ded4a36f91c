-- Users of a closed directory are detached.
SELECT h.user_id, h.active, h.directory_id, h.detached
  OR EXISTS (
    SELECT 1
    FROM closed_directories c
    WHERE c.organization_id = h.organization_id AND c.directory_id = h.directory_id
  ), h.digest, h.suspended, h.unknown_as_of, h.rule_access, false
FROM json_each(:user_ids) j
CROSS JOIN holders h ON h.organization_id = :organization_id AND h.user_id = j.value;
