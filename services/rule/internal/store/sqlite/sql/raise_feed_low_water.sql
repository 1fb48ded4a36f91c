UPDATE organizations
SET feed_low_water = old.last
FROM (
  SELECT organization_id, max(sequence) AS last
  FROM access_feed
  WHERE sequence <= :last
  GROUP BY organization_id
) old
WHERE organizations.organization_id = old.organization_id;
