UPDATE portal_links
SET directory_id = :directory_id, use_time = :use_time, use_address = :use_address, revoke_time = :revoke_time
WHERE organization_id = :organization_id AND id = :id;
