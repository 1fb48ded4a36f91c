import { expect, test } from "vitest";
import { changesOf, draftOf, matchOf, missingOf, newDraft } from "./draft";

const roles = [
  { id: "designer", displayName: "Designer", rank: 1, scope: "ROLE_SCOPE_TENANT" as const },
  { id: "organization-admin", displayName: "Organization Admin", rank: 1, scope: "ROLE_SCOPE_ORGANIZATION" as const },
];

test("a new draft says what is missing", () => {
  expect(missingOf(newDraft(), roles)).toEqual({ match: true, grants: true, twice: false });
});

test("a role in the organization needs no tenant, and a role in a tenant needs one", () => {
  const draft = { ...newDraft(), group: " Admins " };
  expect(missingOf({ ...draft, grants: [{ tenantId: "", roleId: "organization-admin" }] }, roles).grants).toBe(false);
  expect(missingOf({ ...draft, grants: [{ tenantId: "", roleId: "designer" }] }, roles).grants).toBe(true);
  const twice = [
    { tenantId: "a", roleId: "designer" },
    { tenantId: "a", roleId: "designer" },
  ];
  expect(missingOf({ ...draft, grants: twice }, roles).twice).toBe(true);
});

test("only the chosen match is sent, as it was entered", () => {
  const draft = { ...newDraft(), roleValue: "admin ", filter: "active eq true", group: "  " };
  expect(matchOf({ ...draft, kind: "roleValue" })).toEqual({ roleValue: { value: "admin " } });
  expect(matchOf({ ...draft, kind: "filter" })).toEqual({ filter: { filter: "active eq true" } });
  expect(matchOf(draft)).toBeUndefined();
});

test("only what was changed is sent", () => {
  const stored = {
    ...newDraft(),
    displayName: "Admins",
    kind: "roleValue" as const,
    roleValue: "admin ",
    grants: [{ tenantId: "a", roleId: "designer" }],
  };
  expect(changesOf(stored, stored)).toEqual({});
  expect(changesOf({ ...stored, displayName: "Those" }, stored)).toEqual({ displayName: "Those" });
  expect(changesOf({ ...stored, roleValue: "admin" }, stored)).toEqual({ roleValue: { value: "admin" } });
  expect(changesOf({ ...stored, group: "Not chosen" }, stored)).toEqual({});
  expect(changesOf({ ...stored, kind: "group", group: "admin " }, stored)).toEqual({
    group: { displayName: "admin " },
  });
  const grants = [{ tenantId: "b", roleId: "designer" }];
  expect(changesOf({ ...stored, grants }, stored)).toEqual({ grants });
});

test("a draft of a rule has what the rule has", () => {
  const rule = {
    id: "1",
    organizationId: "acme",
    displayName: "R",
    roleValue: { value: "Admin" },
    grants: [{ tenantId: "a", roleId: "designer" }],
    createTime: "",
    updateTime: "",
    etag: "",
  };
  expect(matchOf(draftOf(rule))).toEqual({ roleValue: { value: "Admin" } });
});
