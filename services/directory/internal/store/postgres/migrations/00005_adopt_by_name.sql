-- +goose Up
-- Whether a directory adopts a resource by its name even if both sides have an externalId and they differ.
ALTER TABLE directories ADD COLUMN adopt_by_name boolean NOT NULL DEFAULT false;
