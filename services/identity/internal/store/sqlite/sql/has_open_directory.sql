SELECT EXISTS (SELECT 1 FROM directories WHERE organization_id = :organization_id AND NOT closed);
