SELECT epoch, revision
FROM followed
FOR UPDATE;
