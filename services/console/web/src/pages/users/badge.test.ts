import { expect, test } from "vitest";
import type { Schemas } from "../../api/client";
import { badgeOf, isSuspended, situationOf } from "./badge";

function held(...kinds: Schemas["SourceKind"][]): Schemas["Access"] {
  const sources = kinds.map((kind) => ({
    kind,
    ruleId: "",
    grantedBy: "",
    createTime: "",
    retained: false,
    keep: false,
    keptTime: null,
  }));
  return {
    organizationId: "acme",
    userId: "u",
    tenantId: "",
    roleId: "designer",
    effective: true,
    unknown: false,
    suspended: false,
    kept: false,
    sources,
  };
}

test.each([
  ["none", []],
  ["rules", [held("SOURCE_KIND_RULE")]],
  ["manual", [held("SOURCE_KIND_MANUAL")]],
  ["both", [held("SOURCE_KIND_RULE"), held("SOURCE_KIND_MANUAL")]],
  ["both", [held("SOURCE_KIND_RULE", "SOURCE_KIND_MANUAL")]],
] as const)("the badge says %s", (badge, access) => {
  expect(badgeOf([...access])).toBe(badge);
});

test.each([
  ["active", true, false, false, false],
  ["inactive", false, true, false, false],
  ["detached", true, true, false, false],
  ["unknown", true, true, false, true],
  ["suspended", false, false, true, true],
] as const)("what matters most is %s", (situation, active, detached, suspended, unknown) => {
  expect(situationOf({ active, detached }, { suspended, unknown })).toBe(situation);
});

test("the access of a user says whether it is suspended, and the suspensions do for a user without access", () => {
  const suspension = { organizationId: "acme", userId: "u", reason: "stolen", suspendedBy: "olga", createTime: "" };
  expect(isSuspended([{ suspended: true }], null)).toBe(true);
  expect(isSuspended([{ suspended: false }], undefined)).toBe(false);
  expect(isSuspended([], suspension)).toBe(true);
  expect(isSuspended([], null)).toBe(false);
  expect(isSuspended(undefined, suspension)).toBe(true);
  expect(isSuspended(undefined, undefined)).toBeUndefined();
});
