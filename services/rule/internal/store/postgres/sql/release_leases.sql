UPDATE organizations o
SET owner_expire_time = 0
FROM unnest(:organization_ids::text[], :owner_ids::text[], :owner_tokens::bigint[])
    AS l (organization_id, owner_id, owner_token)
WHERE o.organization_id = l.organization_id AND o.owner_id = l.owner_id AND o.owner_token = l.owner_token;
