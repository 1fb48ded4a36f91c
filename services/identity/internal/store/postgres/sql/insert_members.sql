INSERT INTO members (organization_id, group_id, member_id, member_group, carried)
SELECT :organization_id, :group_id, n.id, n.grp, false
FROM unnest(:ids::text[], :groups::boolean[]) n (id, grp)
ON CONFLICT DO NOTHING
RETURNING member_id, member_group;
