import { count, number } from "./shell";

/** Why a directory refused a request, after "because" or a colon. */
export const refused: Record<string, string> = {
  REFUSAL_REASON_NO_KEY: "it had no API key",
  REFUSAL_REASON_MALFORMED_KEY: "its API key is incomplete or mistyped",
  REFUSAL_REASON_UNKNOWN_KEY: "its API key is unknown, revoked or expired",
  REFUSAL_REASON_OTHER_DIRECTORY: "its API key belongs to another directory",
};

export const overview = {
  title: "Overview",
  situation: (directories: number, more: boolean, troubled: number, wrongRules: number, open: string) => {
    const rules = wrongRules === 0 ? "" : `Look at ${count(wrongRules, "rule")}. `;
    if (directories === 0) {
      return `No identity provider is connected yet. ${rules}`;
    }
    const many = more
      ? `More than ${count(directories, "directory", "directories")}`
      : count(directories, "directory", "directories");
    const one = directories === 1 && !more;
    const state =
      troubled > 0
        ? one
          ? ": look at it"
          : `: look at ${number(troubled)} of them`
        : wrongRules === 0
          ? ": all is well"
          : `, and ${one ? "it does not need you" : "none of them needs you"}`;
    return `${many}${state}. ${rules}${open}`;
  },
  open: (n: string) => (n === "0" ? "No failed event is open." : `Open failed events: ${n}.`),
  atLeast: (n: string) => `${n} or more`,
  setUp: "Set up a directory",
  setUpAnother: "Set up another directory",
  emptyTitle: "Connect an identity provider",
  empty:
    "A directory is one connection from an identity provider, such as Entra ID or Okta. The identity provider sends the users and groups of your organization to it, and your rules decide who gets which role.",
  emptyViewer: "An admin of your organization can set one up.",
  deleted: "Show deleted directories",
  figures: {
    events: "Open failed events",
    wrongRules: "Rules with a problem",
    waiting: "Rules that wait for a rule sync",
    waitingSince: "the oldest change:",
    age: "Access is behind by",
    ageMeaning: "This is the age of the oldest change from an identity provider that access does not include yet.",
    ageNow: "under 2 seconds",
    setAside: (n: number) => `Access of ${count(n, "user")} cannot be computed now.`,
    none: "none",
  },
  states: {
    deleted: "Deleted. Its users keep their access.",
    suspended: "Stopped: the organization is not federated, so it may not use SCIM.",
    alsoRefused: (reason: string) =>
      `Receives messages, but the last request was refused: ${refused[reason] ?? "the API key is not valid"}. If this was not the identity provider, somebody else has an old key.`,
    looked: (all: string, failed: string) =>
      `Works: ${all} in 24 hours. ${failed} failed, and somebody has acknowledged that.`,
    noKey: "The identity provider cannot send anything: no API key is valid.",
    unusedKey: "The identity provider cannot send anything: its new API key has not been used yet.",
    refused: (reason: string) => `Refuses the identity provider: ${refused[reason] ?? "its API key is not valid"}.`,
    expires: (when: string) =>
      `An API key expires ${when}. Rotate it before that, and enter the new one at the identity provider.`,
    waits: "Waits for the first message of the identity provider.",
    failing: (failed: string, all: string) => `Receives messages. Of ${all} in 24 hours, ${failed} failed.`,
    limited: (n: string) => `Receives messages, and had to slow ${n} down in 24 hours.`,
    quiet: "Receives nothing now. This is normal if nothing changes at the identity provider.",
    works: (all: string) => `Works: ${all} in 24 hours.`,
    unknown: "Its messages cannot be counted now.",
  },
  messages: (n: number) => count(n, "message"),
  level: {
    good: "Works",
    quiet: "Quiet",
    new: "To be set up",
    warn: "Look at it",
    bad: "Needs attention",
    off: "Deleted",
  },
  lastMessage: "Last message",
  lastRefused: "Last request with a wrong key",
  failedShare: "Failed in 24 hours",
  keyExpires: "Next expiry of a key",
  neverExpires: "none",
  users: (n: number) => count(n, "user"),
  groups: (n: number) => count(n, "group"),
  quirks: (n: number) => (n === 0 ? "no quirks" : `${count(n, "quirk")} seen`),
  ignored: (n: number) => `${count(n, "attribute")} ignored`,
  chart: (accepted: number, failed: number) =>
    `Messages in each of the last 24 hours: ${count(accepted, "message")} accepted, ${failed} failed.`,
  continueSetUp: "Continue to set it up",
};
