-- Another transaction can have changed the session since it was read. What is set stays.
UPDATE sessions
SET
  directory_id = CASE WHEN directory_id = '' THEN :directory_id ELSE directory_id END,
  revoke_time = CASE WHEN revoke_time = 0 THEN :revoke_time ELSE revoke_time END
WHERE organization_id = :organization_id AND id = :id;
