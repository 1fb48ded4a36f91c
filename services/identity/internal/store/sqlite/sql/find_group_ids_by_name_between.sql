-- Names are indexed in the organization, since many groups may have one.
SELECT id
FROM groups
WHERE organization_id = :organization_id
  AND display_name_folded BETWEEN :low AND :high
LIMIT :limit;
