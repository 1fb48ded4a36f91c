import type { Grant } from "../../api/catalogue";
import type { Schemas } from "../../api/client";

/** Returns what a rule says about one grant. A rule that was changed can say different things about its grants. */
export function explanationOf(
  explanation: Pick<Schemas["ExplainAccessResponse"], "rules"> | undefined,
  source: Pick<Schemas["Source"], "ruleId">,
  { tenantId, roleId }: Grant,
): Schemas["RuleExplanation"] | undefined {
  return explanation?.rules.find(
    (rule) =>
      rule.ruleId === source.ruleId &&
      rule.grants.some((grant) => grant.tenantId === tenantId && grant.roleId === roleId),
  );
}
