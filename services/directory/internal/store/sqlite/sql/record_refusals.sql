UPDATE directories
SET refused_count = refused_count + :count,
  last_refusal_time = max(last_refusal_time, :last_time),
  last_refusal_reason = CASE WHEN last_refusal_time > :last_time THEN last_refusal_reason ELSE :last_reason END
WHERE id = :id;
