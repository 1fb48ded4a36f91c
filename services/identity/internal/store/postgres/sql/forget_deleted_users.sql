DELETE FROM deleted_users d
USING unnest(:organization_ids::text[], :ids::text[]) AS n (organization_id, id)
WHERE d.organization_id = n.organization_id AND d.id = n.id;
