import type { Grant } from "../../api/catalogue";
import type { Schemas } from "../../api/client";
import { text } from "../../text";

type Source = Pick<Schemas["Source"], "ruleId" | "retained">;
type RuleExplanation = Schemas["RuleExplanation"];

/** What the page knows of what the rules do for a user. */
export interface Explained {
  explanation: Pick<Schemas["ExplainAccessResponse"], "rules" | "detached"> | undefined;
  /** Whether the explanation could not be read. */
  failed: boolean;
  /** The rules that the reader may read, while there is no explanation: then they say the names. Undefined until they are known. */
  rules: Pick<Schemas["Rule"], "id" | "displayName">[] | undefined;
}

/** Why a user holds something from a rule. */
export type Because =
  | "matches" // the rule matches the user: the explanation says how
  | "still" // the rule was changed
  | "stillDeleted" // the rule was deleted
  | "detached"
  | "retained"
  | "follows" // access has not followed the identity provider yet
  | "aside" // Usher cannot compute the access
  | "unknown" // this console does not know what the rule says
  | "loading"
  | "failed";

export interface Reason {
  /** The name of the rule; null if the rule is deleted, undefined if the name is not known. */
  name: string | null | undefined;
  because: Because;
  rule: RuleExplanation | undefined;
}

/** Returns why a user holds a grant from a rule, as far as it is known. */
export function reasonOf(explained: Explained, source: Source, grant: Grant): Reason {
  const { explanation } = explained;
  const rule = explanationOf(explanation, source, grant);
  return { name: nameOf(explained, source.ruleId), because: becauseOf(explained, source, rule), rule };
}

function nameOf({ explanation, rules }: Explained, ruleId: string): string | null | undefined {
  if (explanation) {
    return explanation.rules.find((rule) => rule.ruleId === ruleId)?.displayName || null;
  }
  if (rules) {
    const rule = rules.find(({ id }) => id === ruleId);
    return rule ? (rule.displayName ?? ruleId) : null;
  }
  return undefined;
}

function becauseOf({ explanation, failed }: Explained, source: Source, rule: RuleExplanation | undefined): Because {
  if (source.retained) {
    return "retained";
  }
  if (!explanation) {
    return failed ? "failed" : "loading";
  }
  switch (rule?.finding) {
    case "FINDING_GIVES":
      return "matches";
    case "FINDING_STILL_GIVES":
      return explanation.detached ? "detached" : rule.displayName ? "still" : "stillDeleted";
    case "FINDING_ACCESS_FOLLOWS":
      return "follows";
    case "FINDING_UNKNOWN":
      return "aside";
    default:
      return "unknown";
  }
}

/** Returns what a rule says about one grant. A rule that was changed can say different things about its grants. */
function explanationOf(
  explanation: Explained["explanation"],
  source: Source,
  { tenantId, roleId }: Grant,
): RuleExplanation | undefined {
  return explanation?.rules.find(
    (rule) =>
      rule.ruleId === source.ruleId &&
      rule.grants.some((grant) => grant.tenantId === tenantId && grant.roleId === roleId),
  );
}

/** Whether a rule gives a role to a user. */
export type Answer = keyof typeof text.users.answers;

/** Returns whether a rule gives a role to a user. A finding that this console does not know says neither yes nor no. */
export function answerOf(finding: Schemas["Finding"]): Answer {
  switch (finding) {
    case "FINDING_GIVES":
      return "yes";
    case "FINDING_WAITS_FOR_SYNC":
      return "notYet";
    case "FINDING_STILL_GIVES":
      return "still";
    case "FINDING_ACCESS_FOLLOWS":
    case "FINDING_UNKNOWN":
      return "unknown";
    default:
      return finding in text.users.why ? "no" : "unknown";
  }
}
