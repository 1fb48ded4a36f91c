import { expect, test } from "vitest";
import type { Schemas } from "../../api/client";
import { explanationOf } from "./explanationOf";

test("the explanation of a grant is found among those of a changed rule", () => {
  const rule = (finding: Schemas["Finding"], roleId: string): Schemas["RuleExplanation"] => ({
    ruleId: "1",
    displayName: "Designers",
    finding,
    grants: [{ tenantId: "production", roleId }],
    groupId: "",
    groupName: "",
    through: [],
    roleValue: "",
    filter: "",
  });
  const explanation = { rules: [rule("FINDING_GIVES", "designer"), rule("FINDING_STILL_GIVES", "developer")] };
  const found = (ruleId: string, roleId: string) =>
    explanationOf(explanation, { ruleId }, { tenantId: "production", roleId })?.finding;
  expect(found("1", "designer")).toBe("FINDING_GIVES");
  expect(found("1", "developer")).toBe("FINDING_STILL_GIVES");
  expect(found("2", "designer")).toBeUndefined();
  expect(explanationOf(undefined, { ruleId: "1" }, { tenantId: "", roleId: "designer" })).toBeUndefined();
});
