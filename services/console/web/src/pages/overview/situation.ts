import type { Schemas } from "../../api/client";
import type { Key } from "../../api/keys";
import type { Problem } from "../../api/rules";
import type { Tone } from "../../parts/Label";
import { ago } from "../../parts/Time";
import { text } from "../../text";
import { number } from "../../text/shell";
import { waitsForKey } from "../directory/keyState";

/** How urgent a situation is. */
export type Level = keyof typeof text.overview.level;
/** What decides the situation of a directory. */
export type Cause = keyof typeof levels;

const levels = {
  deleted: "off",
  suspended: "bad",
  noKey: "bad",
  unusedKey: "bad",
  refused: "bad",
  alsoRefused: "warn",
  expires: "warn",
  unknown: "quiet",
  waits: "new",
  failing: "warn",
  looked: "good",
  limited: "warn",
  quiet: "quiet",
  works: "good",
} satisfies Record<string, Level>;

const tones: Record<Level, Tone> = {
  good: "good",
  quiet: "quiet",
  new: "quiet",
  warn: "warn",
  bad: "bad",
  off: "quiet",
};

export function toneOf(level: Level): Tone {
  return tones[level];
}

/** The state of a directory in one sentence. */
export interface Situation {
  cause: Cause;
  level: Level;
  sentence: string;
}

/** The messages of a directory since a time. */
export interface Sum {
  accepted: number;
  failed: number;
  limited: number;
}

export function sumOf(activity: Schemas["DirectoryActivity"] | undefined): Sum {
  const sum = { accepted: 0, failed: 0, limited: 0 };
  for (const period of activity?.counts ?? []) {
    sum.accepted += Number(period.acceptedCount);
    sum.failed += Number(period.failedCount);
    sum.limited += Number(period.rateLimitedCount);
  }
  return sum;
}

/** A key that expires within this time needs somebody, in milliseconds. */
const soon = 30 * 24 * 3_600_000;

/** As long as the last message is not older than this when a request is refused, the identity provider may have nothing to do with it. */
const recent = 3_600_000;

interface Known {
  /** Whether the activity is known. */
  activity: boolean;
  /** Whether there are failed events that nobody has acknowledged. */
  openEvents: boolean;
  /** The API keys, if they are known. */
  keys?: Key[] | undefined;
  now?: number;
}

/**
 * Returns the situation of a directory. The most urgent fact decides. The activity is undefined if the directory sent nothing, as far as it is
 * known.
 */
export function situationOf(
  directory: Schemas["Directory"],
  activity: Schemas["DirectoryActivity"] | undefined,
  known: Known,
): Situation {
  const now = known.now ?? Date.now();
  const words = text.overview.states;
  const situation = (cause: Cause, sentence: string): Situation => ({ cause, level: levels[cause], sentence });
  if (directory.state === "DIRECTORY_STATE_DELETED") {
    return situation("deleted", words.deleted);
  }
  if (directory.state === "DIRECTORY_STATE_SUSPENDED") {
    return situation("suspended", words.suspended);
  }
  if (directory.validKeyCount === 0) {
    return situation("noKey", words.noKey);
  }
  if (waitsForKey(known.keys ?? [], activity?.lastMessageTime)) {
    return situation("unusedKey", words.unusedKey);
  }
  const refusal = sinceLastMessage(directory, activity);
  if (refusal !== undefined && refusal > recent) {
    return situation("refused", words.refused(directory.lastRefusalReason));
  }
  const expires = directory.earliestKeyExpireTime ? new Date(directory.earliestKeyExpireTime) : undefined;
  if (expires && expires.getTime() < now + soon) {
    return situation("expires", words.expires(ago(expires, new Date(now))));
  }
  if (!known.activity) {
    return situation("unknown", words.unknown);
  }
  if (!activity?.lastMessageTime) {
    return situation("waits", words.waits);
  }
  if (refusal !== undefined) {
    return situation("alsoRefused", words.alsoRefused(directory.lastRefusalReason));
  }
  const sum = sumOf(activity);
  const all = sum.accepted + sum.failed;
  if (sum.failed > 0) {
    return known.openEvents
      ? situation("failing", words.failing(number(sum.failed), number(all)))
      : situation("looked", words.looked(text.overview.messages(all), number(sum.failed)));
  }
  if (sum.limited > 0) {
    return situation("limited", words.limited(number(sum.limited)));
  }
  return all === 0 ? situation("quiet", words.quiet) : situation("works", words.works(text.overview.messages(all)));
}

/**
 * Returns how long after the last message a request was refused for its key, in milliseconds: undefined if the last request was accepted.
 * Anybody who knows the Base URL can cause a refusal.
 */
function sinceLastMessage(
  directory: Schemas["Directory"],
  activity: Schemas["DirectoryActivity"] | undefined,
): number | undefined {
  if (!directory.lastRefusalTime) {
    return undefined;
  }
  if (!activity?.lastMessageTime) {
    return Number.POSITIVE_INFINITY;
  }
  const since = Date.parse(directory.lastRefusalTime) - Date.parse(activity.lastMessageTime);
  return since > 0 ? since : undefined;
}

/** Returns how many rules need somebody: those with a problem that a rule sync does not end. */
export function rulesToLookAt(problems: Map<string, Pick<Problem, "kind">[]> | undefined): number | undefined {
  return (
    problems &&
    [...problems.values()].filter((all) => all.some(({ kind }) => kind !== "RULE_PROBLEM_KIND_WAITS_FOR_SYNC")).length
  );
}
