import type { Problem, Rule } from "../../api/rules";
import { runs, type Sync } from "../../api/syncs";

/** How far a change of a rule has come. */
export type Applied =
  | "waits" // for a rule sync
  | "runs" // a rule sync runs that began before the change
  | "applies" // the rule sync that runs applies it
  | "applied" // to all users
  | "nothing"; // it gives nobody other access

/**
 * Returns how far a change has come, from the rule after the change, from what is wrong with the rule, and from the newest rule sync. A rule
 * sync includes what was changed before it began, also if what is wrong was read before its end.
 */
export function appliedOf(
  { updateTime }: Pick<Rule, "updateTime">,
  problems: Pick<Problem, "kind">[],
  newest: Pick<Sync, "state" | "createTime"> | null,
): Applied {
  const includes = newest !== null && Date.parse(newest.createTime ?? "") > Date.parse(updateTime ?? "");
  if (includes && newest.state === "SYNC_STATE_DONE") {
    return "applied";
  }
  if (!problems.some(({ kind }) => kind === "RULE_PROBLEM_KIND_WAITS_FOR_SYNC")) {
    return "nothing";
  }
  return runs(newest) ? (includes ? "applies" : "runs") : "waits";
}
