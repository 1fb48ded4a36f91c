-- +goose Up
-- Whether a directory adopts a resource by its name even if both sides have an externalId and they differ.
ALTER TABLE directories ADD COLUMN adopt_by_name boolean NOT NULL DEFAULT false;

-- The valid keys of a directory, however many have ended.
CREATE INDEX keys_unrevoked ON keys (organization_id, directory_id, expire_time) WHERE revoke_time = 0;
