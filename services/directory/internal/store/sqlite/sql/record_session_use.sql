UPDATE sessions
SET use_time = :use_time
WHERE digest = :digest AND use_time < :use_time;
