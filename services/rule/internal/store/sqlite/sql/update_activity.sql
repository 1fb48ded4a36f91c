UPDATE activity
SET cursor = :cursor;
