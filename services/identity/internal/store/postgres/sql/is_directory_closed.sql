-- NULL where the directory is unknown.
SELECT (SELECT closed FROM directories WHERE organization_id = :organization_id AND id = :id);
