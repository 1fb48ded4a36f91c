-- Those that ask for one name at once ask one after another, where the directory wants names unique.
SELECT pg_advisory_xact_lock(hashtextextended(:organization_id || '/' || :directory_id || '/' || :name, 2))
FROM directories
WHERE organization_id = :organization_id AND id = :directory_id AND unique_group_names;
