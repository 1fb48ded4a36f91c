SELECT coalesce(max(feed_low_water), 0)
FROM organizations
WHERE organization_id = :organization_id;
