SELECT epoch, revision
FROM followed;
