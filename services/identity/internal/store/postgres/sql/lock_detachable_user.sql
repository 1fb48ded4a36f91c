SELECT u.directory_id, u.version,
  coalesce(
    (SELECT d.closed FROM directories d WHERE d.organization_id = :organization_id AND d.id = u.directory_id),
    false
  )
FROM users u
WHERE u.organization_id = :organization_id AND u.id = :id
FOR UPDATE;
