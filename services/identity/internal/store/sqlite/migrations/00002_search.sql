-- +goose Up
-- Searches for users of all directories by userName.
CREATE INDEX users_name ON users (organization_id, user_name_folded, id);
