-- The default settings for an unknown organization.
SELECT coalesce(max(when_unknown), 0)
FROM organizations
WHERE organization_id = :organization_id;
