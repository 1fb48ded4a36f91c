import { expect, test } from "vitest";
import type { Key } from "../../api/keys";
import { endOf, stateOf, waitsForKey } from "./keyState";

const key = (more: Partial<Key>) =>
  ({
    revokeTime: null,
    expireTime: null,
    expiryState: "EXPIRY_STATE_NONE",
    replacedById: "",
    lastUseTime: null,
    ...more,
  }) as Key;
const fresh = key({});
const revoked = key({ revokeTime: "2026-01-02T10:00:00Z", lastUseTime: "2026-01-02T09:59:00Z" });
const rotated = key({
  expireTime: "2026-01-02T10:00:00Z",
  expiryState: "EXPIRY_STATE_EXPIRED",
  replacedById: "new",
  lastUseTime: "2026-01-02T09:00:00Z",
});

test.each([
  ["the used key was revoked, and the new one is unused", [fresh, revoked], "2026-01-02T09:59:58Z", true],
  ["the used key was rotated, and the new one is unused", [fresh, rotated], undefined, true],
  ["the last message ended just after the key", [fresh, revoked], "2026-01-02T10:00:01Z", true],
  ["a message came later: the use of the key is not stored yet", [fresh, revoked], "2026-01-02T10:05:00Z", false],
  ["the new key is used", [key({ lastUseTime: "2026-01-02T11:00:00Z" }), revoked], undefined, false],
  ["the old key is still valid", [fresh, key({ ...rotated, expiryState: "EXPIRY_STATE_NONE" })], undefined, false],
  ["no key was ever used", [fresh, key({ revokeTime: "2026-01-02T10:00:00Z" })], undefined, false],
  ["no key is valid", [revoked], undefined, false],
])("whether the identity provider needs the new key: %s", (_, keys, last, waits) => {
  expect(waitsForKey(keys, last)).toBe(waits);
});

test("a key that a rotation ended has not just expired", () => {
  expect(stateOf(rotated)).toBe("ended");
  expect(stateOf(key({ ...rotated, replacedById: "" }))).toBe("expired");
});

test("a key ends with its expiry or its revocation, whatever is earlier", () => {
  expect(endOf(key({ revokeTime: "2026-01-02T10:00:00Z", expireTime: "2026-01-01T10:00:00Z" }))).toBe(
    "2026-01-01T10:00:00Z",
  );
  expect(endOf(key({ revokeTime: "2026-01-02T10:00:00Z", expireTime: "2026-01-03T10:00:00Z" }))).toBe(
    "2026-01-02T10:00:00Z",
  );
});
