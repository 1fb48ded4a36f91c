SELECT EXISTS (SELECT FROM directories WHERE organization_id = :organization_id AND NOT closed);
