-- +goose Up
-- A service credential that could only read becomes: read people, read access. One that could write can, in addition, manage organizations
-- and grant access. The numbers are sets of bits: see usher.common.v1.Scope.
ALTER TABLE service_credentials ADD COLUMN scopes INTEGER NOT NULL DEFAULT 0;
UPDATE service_credentials SET scopes = CASE may_write WHEN 0 THEN 96 ELSE 114 END;
ALTER TABLE service_credentials DROP COLUMN may_write;
UPDATE meta SET least_migration = 2;
