import type { Schemas } from "../../api/client";
import { text } from "../../text";
import { number } from "../../text/shell";

export type Level = keyof typeof text.overview.level;

/** The state of a directory in one sentence, and how urgent it is. */
export interface Situation {
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

/**
 * Returns the situation of a directory. The most urgent fact decides. The activity is undefined if the directory sent nothing; known says
 * whether that is certain.
 */
export function situationOf(
  directory: Schemas["Directory"],
  activity: Schemas["DirectoryActivity"] | undefined,
  known: boolean,
): Situation {
  const states = text.overview.states;
  if (directory.state === "DIRECTORY_STATE_DELETED") {
    return { level: "off", sentence: states.deleted };
  }
  if (directory.state === "DIRECTORY_STATE_SUSPENDED") {
    return { level: "bad", sentence: states.suspended };
  }
  if (directory.validKeyCount === 0) {
    return { level: "bad", sentence: states.noKey };
  }
  if (isRefused(directory, activity)) {
    return { level: "bad", sentence: states.refused(directory.lastRefusalReason) };
  }
  if (!known) {
    return { level: "quiet", sentence: states.unknown };
  }
  if (!activity?.lastMessageTime) {
    return { level: "warn", sentence: states.waits };
  }
  const sum = sumOf(activity);
  const all = sum.accepted + sum.failed;
  if (sum.failed > 0) {
    return { level: "warn", sentence: states.failing(number(sum.failed), number(all)) };
  }
  if (sum.limited > 0) {
    return { level: "warn", sentence: states.limited(number(sum.limited)) };
  }
  if (all === 0) {
    return { level: "quiet", sentence: states.quiet };
  }
  return { level: "good", sentence: states.works(text.overview.messages(all)) };
}

/** Reports whether the last request of the identity provider was refused for its key. Anybody who knows the Base URL can cause one more. */
function isRefused(directory: Schemas["Directory"], activity: Schemas["DirectoryActivity"] | undefined): boolean {
  if (!directory.lastRefusalTime) {
    return false;
  }
  return !activity?.lastMessageTime || Date.parse(directory.lastRefusalTime) > Date.parse(activity.lastMessageTime);
}
