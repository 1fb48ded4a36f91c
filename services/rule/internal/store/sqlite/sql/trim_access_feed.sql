DELETE FROM access_feed
WHERE sequence <= :last;
