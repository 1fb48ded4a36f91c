import { expect, test } from "vitest";
import type { Schemas } from "../../api/client";
import type { Key } from "../../api/keys";
import { text } from "../../text";
import { rulesToLookAt, situationOf } from "./situation";

const directory = (more: Partial<Schemas["Directory"]> = {}) =>
  ({ state: "DIRECTORY_STATE_ACTIVE", validKeyCount: 1, lastRefusalTime: null, ...more }) as Schemas["Directory"];

const activity = (accepted: number, failed: number, limited = 0, last = "2026-01-01T10:00:00Z") =>
  ({
    lastMessageTime: last,
    counts: [
      { startTime: last, acceptedCount: `${accepted}`, failedCount: `${failed}`, rateLimitedCount: `${limited}` },
    ],
  }) as Schemas["DirectoryActivity"];

test.each([
  ["works", directory(), activity(3, 0), "good", "3 messages"],
  ["quiet", directory(), activity(0, 0), "quiet", "nothing now"],
  ["failures", directory(), activity(7, 3), "warn", "Of 10 in 24 hours, 3 failed"],
  ["slowed down", directory(), activity(7, 0, 2), "warn", "slow 2 down"],
  ["never a message", directory(), undefined, "new", "first message"],
  ["no valid key", directory({ validKeyCount: 0 }), activity(1, 0), "bad", "no API key"],
  [
    "a key that expires soon",
    directory({ earliestKeyExpireTime: new Date(Date.now() + 5 * 86_400_000 + 60_000).toISOString() }),
    activity(3, 1),
    "warn",
    "expires in 5 days",
  ],
  [
    "a key that expires late",
    directory({ earliestKeyExpireTime: new Date(Date.now() + 50 * 86_400_000).toISOString() }),
    activity(3, 0),
    "good",
    "Works",
  ],
  ["suspended", directory({ state: "DIRECTORY_STATE_SUSPENDED" }), activity(1, 0), "bad", "not federated"],
  [
    "deleted",
    directory({ state: "DIRECTORY_STATE_DELETED", validKeyCount: 0 }),
    activity(1, 0),
    "off",
    "keep their access",
  ],
  [
    "refused a moment after the last message",
    directory({ lastRefusalTime: "2026-01-01T10:59:00Z", lastRefusalReason: "REFUSAL_REASON_UNKNOWN_KEY" }),
    activity(1, 0),
    "warn",
    "somebody else has an old key",
  ],
  [
    "refused long after the last message",
    directory({ lastRefusalTime: "2026-01-01T11:00:01Z", lastRefusalReason: "REFUSAL_REASON_UNKNOWN_KEY" }),
    activity(1, 0),
    "bad",
    "revoked or expired",
  ],
  ["refused before it", directory({ lastRefusalTime: "2026-01-01T09:00:00Z" }), activity(1, 0), "good", "Works"],
  [
    "refused, and never a message",
    directory({ lastRefusalTime: "2026-01-01T09:00:00Z", lastRefusalReason: "REFUSAL_REASON_MALFORMED_KEY" }),
    undefined,
    "bad",
    "incomplete or mistyped",
  ],
] as const)("the situation of a directory: %s", (_, of, with_, level, words) => {
  const situation = situationOf(of, with_, { activity: true, openEvents: true });
  expect(situation.level).toBe(level);
  expect(situation.sentence).toContain(words);
});

test("what is not known is not taken for silence", () => {
  expect(situationOf(directory(), undefined, { activity: false, openEvents: true }).sentence).toContain(
    "cannot be counted",
  );
});

test("failures that somebody has acknowledged need nobody", () => {
  const situation = situationOf(directory(), activity(7, 3), { activity: true, openEvents: false });
  expect(situation.level).toBe("good");
  expect(situation.sentence).toContain("3 failed, and somebody has acknowledged that");
});

test("a directory whose new key was never used does not work, whatever it received before", () => {
  const revoked = { revokeTime: "2026-01-01T11:00:00Z", lastUseTime: "2026-01-01T10:00:00Z" } as Key;
  const keys = [{ expiryState: "EXPIRY_STATE_NONE" } as Key, revoked];
  const situation = situationOf(directory(), activity(7, 0), { activity: true, openEvents: false, keys });
  expect(situation.level).toBe("bad");
  expect(situation.sentence).toContain("has not been used yet");
});

test("a rule that only waits for a rule sync needs nobody to look at it", () => {
  const problems = new Map([
    ["waits", [{ kind: "RULE_PROBLEM_KIND_WAITS_FOR_SYNC" as const }]],
    [
      "no group",
      [{ kind: "RULE_PROBLEM_KIND_WAITS_FOR_SYNC" as const }, { kind: "RULE_PROBLEM_KIND_GROUP_NOT_SEEN" as const }],
    ],
  ]);
  expect(rulesToLookAt(problems)).toBe(1);
  expect(rulesToLookAt(undefined)).toBeUndefined();
});

test("all is well only if no directory and no rule needs somebody", () => {
  const of = (troubled: number, rules: number) => text.overview.situation(2, false, troubled, rules, "");
  expect(of(0, 0)).toContain("2 directories: all is well.");
  expect(of(1, 0)).toContain("2 directories: look at 1 of them.");
  expect(of(0, 1)).toBe("2 directories, and none of them needs you. Look at 1 rule. ");
  expect(of(1, 2)).toBe("2 directories: look at 1 of them. Look at 2 rules. ");
});
