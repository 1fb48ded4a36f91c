import type { Schemas } from "../../api/client";
import { ago } from "../../parts/Time";
import { text } from "../../text";
import { number } from "../../text/shell";

/** How urgent a situation is. */
export type Level = keyof typeof text.overview.level;
/** What decides the situation of a directory. */
export type Cause = keyof typeof levels;

const levels = {
  deleted: "off",
  suspended: "bad",
  noKey: "bad",
  refused: "bad",
  expires: "warn",
  unknown: "quiet",
  waits: "warn",
  failing: "warn",
  limited: "warn",
  quiet: "quiet",
  works: "good",
} satisfies Record<string, Level>;

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

/**
 * Returns the situation of a directory. The most urgent fact decides. The activity is undefined if the directory sent nothing; known says
 * whether that is certain.
 */
export function situationOf(
  directory: Schemas["Directory"],
  activity: Schemas["DirectoryActivity"] | undefined,
  known: boolean,
  now = Date.now(),
): Situation {
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
  if (isRefused(directory, activity)) {
    return situation("refused", words.refused(directory.lastRefusalReason));
  }
  const expires = directory.earliestKeyExpireTime ? new Date(directory.earliestKeyExpireTime) : undefined;
  if (expires && expires.getTime() < now + soon) {
    return situation("expires", words.expires(ago(expires, new Date(now))));
  }
  if (!known) {
    return situation("unknown", words.unknown);
  }
  if (!activity?.lastMessageTime) {
    return situation("waits", words.waits);
  }
  const sum = sumOf(activity);
  const all = sum.accepted + sum.failed;
  if (sum.failed > 0) {
    return situation("failing", words.failing(number(sum.failed), number(all)));
  }
  if (sum.limited > 0) {
    return situation("limited", words.limited(number(sum.limited)));
  }
  return all === 0 ? situation("quiet", words.quiet) : situation("works", words.works(text.overview.messages(all)));
}

/** Reports whether the last request of the identity provider was refused for its key. Anybody who knows the Base URL can cause one more. */
function isRefused(directory: Schemas["Directory"], activity: Schemas["DirectoryActivity"] | undefined): boolean {
  if (!directory.lastRefusalTime) {
    return false;
  }
  return !activity?.lastMessageTime || Date.parse(directory.lastRefusalTime) > Date.parse(activity.lastMessageTime);
}
