DELETE FROM requeued
WHERE organization_id = :organization_id AND user_id = ANY (:user_ids::text[]);
