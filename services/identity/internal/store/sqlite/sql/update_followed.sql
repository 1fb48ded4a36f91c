UPDATE followed
SET epoch = :epoch, revision = :revision
WHERE epoch <> :epoch OR revision < :revision;
