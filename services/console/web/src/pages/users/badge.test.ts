import { expect, test } from "vitest";
import type { Schemas } from "../../api/client";
import { badgeOf, situationOf } from "./badge";

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
  ["active", true, false, false, ""],
  ["inactive", false, true, false, ""],
  ["detached", true, true, false, ""],
  ["unknown", true, true, false, "too many groups"],
  ["suspended", false, false, true, "too many groups"],
] as const)("what matters most is %s", (situation, active, detached, suspended, setAsideDetail) => {
  const suspension = suspended
    ? { organizationId: "acme", userId: "u", reason: "stolen", suspendedBy: "olga", createTime: "" }
    : null;
  expect(situationOf({ active, detached }, { suspension, setAsideDetail })).toBe(situation);
  expect(situationOf({ active: true, detached: false }, undefined)).toBe("active");
});
