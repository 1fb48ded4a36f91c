-- +goose Up
-- A service credential that could only read becomes: read people, read access. One that could write can, in addition, manage organizations
-- and grant access. The numbers are sets of bits: see usher.common.v1.Scope.
ALTER TABLE service_credentials ADD COLUMN scopes bigint NOT NULL DEFAULT 0;
UPDATE service_credentials SET scopes = CASE WHEN may_write THEN 114 ELSE 96 END;
ALTER TABLE service_credentials DROP COLUMN may_write;
UPDATE meta SET least_migration = 2;
