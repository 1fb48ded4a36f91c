import type { Schemas } from "../../api/client";
import type { text } from "../../text";

/** Returns from where a user's access comes. */
export function badgeOf(access: Schemas["Access"][]): keyof typeof text.users.badge {
  const kinds = new Set(access.flatMap((one) => one.sources.map((source) => source.kind)));
  const rules = kinds.has("SOURCE_KIND_RULE");
  const manual = kinds.has("SOURCE_KIND_MANUAL");
  return rules && manual ? "both" : rules ? "rules" : manual ? "manual" : "none";
}

/** Reports whether all access of a user is suspended, or undefined while that is not known. Each access of the user says it. */
export function isSuspended(
  access: Pick<Schemas["Access"], "suspended">[] | undefined,
  suspension: Schemas["Suspension"] | null | undefined,
): boolean | undefined {
  return access?.[0]?.suspended ?? (suspension === undefined ? undefined : suspension !== null);
}

/** Returns what matters most about a user's access. `unknown` is whether Usher cannot compute it. */
export function situationOf(
  user: Pick<Schemas["User"], "active" | "detached">,
  { suspended, unknown }: { suspended: boolean; unknown: boolean },
): keyof typeof text.users.situationOf {
  if (suspended) {
    return "suspended";
  }
  if (!user.active) {
    return "inactive";
  }
  if (unknown) {
    return "unknown";
  }
  return user.detached ? "detached" : "active";
}
