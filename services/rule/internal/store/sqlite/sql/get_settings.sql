-- The zero settings for an organization that is not known.
SELECT coalesce(max(when_unknown), 0)
FROM organizations
WHERE organization_id = :organization_id;
