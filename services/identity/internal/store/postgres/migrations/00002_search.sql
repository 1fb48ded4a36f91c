-- +goose NO TRANSACTION
-- +goose Up
-- The indexes are built while others write. A build waits for older transactions, and nobody waits for the build. It reads the
-- table twice, so it may take minutes. An interrupted build leaves an invalid index, which the next run drops.
SET lock_timeout = '10min';
-- Searches for users of all directories by userName. "POSIX" orders as "C" does. But no statement that names no collation can use
-- this index: for a list of one directory by name it would be wrong, and without statistics the planner could take it.
DROP INDEX CONCURRENTLY IF EXISTS users_name;
CREATE INDEX CONCURRENTLY users_name ON users (organization_id, user_name_folded COLLATE "POSIX", id);
-- It replaces search_values_user, and also finds the first value of a user after another value.
DROP INDEX CONCURRENTLY IF EXISTS search_values_of_user;
CREATE INDEX CONCURRENTLY search_values_of_user ON search_values (organization_id, user_id, attribute, value);
DROP INDEX CONCURRENTLY IF EXISTS search_values_user;
RESET lock_timeout;
