SELECT EXISTS (SELECT FROM changes WHERE organization_id = :organization_id);
