import type { Schemas } from "../../api/client";
import type { text } from "../../text";

/** Returns from where a user's access comes. */
export function badgeOf(access: Schemas["Access"][]): keyof typeof text.users.badge {
  const kinds = new Set(access.flatMap((one) => one.sources.map((source) => source.kind)));
  const rules = kinds.has("SOURCE_KIND_RULE");
  const manual = kinds.has("SOURCE_KIND_MANUAL");
  return rules && manual ? "both" : rules ? "rules" : manual ? "manual" : "none";
}

/** Returns what matters most about a user's access. */
export function situationOf(
  user: Pick<Schemas["User"], "active" | "detached">,
  explanation: Pick<Schemas["ExplainAccessResponse"], "suspension" | "setAsideDetail"> | undefined,
): keyof typeof text.users.situationOf {
  if (explanation?.suspension) {
    return "suspended";
  }
  if (!user.active) {
    return "inactive";
  }
  if (explanation?.setAsideDetail) {
    return "unknown";
  }
  return user.detached ? "detached" : "active";
}
