UPDATE followed
SET epoch = :epoch, revision = :revision;
