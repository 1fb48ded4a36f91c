UPDATE revision
SET newest = newest + :count
RETURNING newest;
