-- NULL for an unknown directory.
SELECT (SELECT closed FROM directories WHERE organization_id = :organization_id AND id = :id);
