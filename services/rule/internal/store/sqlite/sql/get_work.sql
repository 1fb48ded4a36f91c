SELECT checkpoint, as_of, behind, erasing > 0, when_unknown, recovering, recovery_token, recovery_after,
  coalesce((SELECT min(retry_time) FROM set_aside WHERE organization_id = :organization_id), 0)
FROM organizations
WHERE organization_id = :organization_id;
