-- Writes of the same name run one after another, if the directory wants unique names.
SELECT pg_advisory_xact_lock(hashtextextended(:organization_id || '/' || :directory_id || '/' || :name, 2))
FROM directories
WHERE organization_id = :organization_id AND id = :directory_id AND unique_group_names;
