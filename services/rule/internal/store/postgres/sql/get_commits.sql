SELECT organization_id, commits
FROM organizations
WHERE organization_id = ANY (:organization_ids::text[]);
