import { expect, test } from "vitest";
import type { Schemas } from "../../api/client";
import { answerOf, type Explained, reasonOf } from "./reason";

const grant = { tenantId: "production", roleId: "designer" };
const source = { ruleId: "1", retained: false };

function says(finding: string, more: Partial<Schemas["RuleExplanation"]> = {}): Schemas["RuleExplanation"] {
  return {
    ruleId: "1",
    displayName: "Designers",
    finding: finding as Schemas["Finding"],
    grants: [grant],
    groupId: "",
    groupName: "",
    through: [],
    roleValue: "",
    filter: "",
    ...more,
  };
}

function explained(rules: Schemas["RuleExplanation"][], detached = false): Explained {
  return { explanation: { rules, detached }, failed: false, rules: undefined };
}

test.each([
  ["FINDING_GIVES", "matches"],
  ["FINDING_STILL_GIVES", "still"],
  ["FINDING_ACCESS_FOLLOWS", "follows"],
  ["FINDING_UNKNOWN", "aside"],
  ["FINDING_UNSPECIFIED", "unknown"],
  ["FINDING_OF_A_LATER_VERSION", "unknown"],
])("%s of access that a user holds means %s", (finding, because) => {
  expect(reasonOf(explained([says(finding)]), source, grant)).toMatchObject({ name: "Designers", because });
});

test("a changed rule says something else about each grant", () => {
  const developer = { ...grant, roleId: "developer" };
  const both = explained([says("FINDING_GIVES"), says("FINDING_STILL_GIVES", { grants: [developer] })]);
  expect(reasonOf(both, source, grant).because).toBe("matches");
  expect(reasonOf(both, source, developer).because).toBe("still");
});

test("a deleted rule has no name", () => {
  const deleted = [says("FINDING_STILL_GIVES", { displayName: "" })];
  expect(reasonOf(explained(deleted), source, grant)).toMatchObject({ name: null, because: "stillDeleted" });
  expect(reasonOf(explained(deleted, true), source, grant)).toMatchObject({ name: null, because: "detached" });
  expect(reasonOf(explained([]), source, grant)).toMatchObject({ name: null, because: "unknown" });
});

test("without an explanation, a rule is not said to be deleted", () => {
  const none = { explanation: undefined, failed: false, rules: undefined };
  expect(reasonOf(none, source, grant)).toMatchObject({ name: undefined, because: "loading" });
  expect(reasonOf({ ...none, failed: true }, source, grant)).toMatchObject({ name: undefined, because: "failed" });
  const named = { ...none, failed: true, rules: [{ id: "1", displayName: "Designers" }] };
  expect(reasonOf(named, source, grant)).toMatchObject({ name: "Designers", because: "failed" });
  expect(reasonOf({ ...named, rules: [] }, source, grant)).toMatchObject({ name: null, because: "failed" });
});

test("access that Usher keeps for the last admin says so, whatever else is known", () => {
  const kept = { ...source, retained: true };
  expect(reasonOf(explained([says("FINDING_STILL_GIVES")]), kept, grant).because).toBe("retained");
  expect(reasonOf({ explanation: undefined, failed: true, rules: undefined }, kept, grant).because).toBe("retained");
});

test.each([
  ["FINDING_GIVES", "yes"],
  ["FINDING_WAITS_FOR_SYNC", "notYet"],
  ["FINDING_STILL_GIVES", "still"],
  ["FINDING_NOT_IN_GROUP", "no"],
  ["FINDING_ACCESS_FOLLOWS", "unknown"],
  ["FINDING_UNKNOWN", "unknown"],
  ["FINDING_UNSPECIFIED", "unknown"],
  ["FINDING_OF_A_LATER_VERSION", "unknown"],
])("%s answers %s", (finding, answer) => {
  expect(answerOf(finding as Schemas["Finding"])).toBe(answer);
});
