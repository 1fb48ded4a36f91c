-- Names are indexed by organization, since many groups may have the same name.
SELECT id
FROM groups
WHERE organization_id = :organization_id
  AND display_name_folded BETWEEN :low AND :high
LIMIT :limit;
