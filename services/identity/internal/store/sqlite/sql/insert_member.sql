INSERT INTO members (organization_id, group_id, member_id, member_group, carried)
VALUES (:organization_id, :group_id, :member_id, :member_group, 0);
