SELECT o.organization_id, o.checkpoint, o.as_of, o.behind, o.erasing > 0
FROM unnest(:organization_ids::text[]) AS i (id)
CROSS JOIN LATERAL (SELECT * FROM organizations WHERE organization_id = i.id OFFSET 0) o;
