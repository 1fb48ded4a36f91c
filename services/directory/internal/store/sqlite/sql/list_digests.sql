SELECT digest
FROM keys
WHERE organization_id = :organization_id AND (:directory_id = '' OR directory_id = :directory_id);
