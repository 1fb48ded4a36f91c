import type { Schemas } from "../../api/client";

/**
 * Reports whether somebody can revoke access: what was granted by hand, and everything of a detached user. One call takes all of it away, so
 * a grant that was marked to be kept, which only the operator can revoke, protects the rest.
 */
export function revocable(
  { sources }: { sources: Pick<Schemas["Source"], "kind" | "keep">[] },
  { detached, operator }: { detached: boolean; operator: boolean },
): boolean {
  if (!operator && sources.some((source) => source.keep)) {
    return false;
  }
  return detached || sources.some((source) => source.kind === "SOURCE_KIND_MANUAL");
}
