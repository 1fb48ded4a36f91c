SELECT cursor
FROM activity;
