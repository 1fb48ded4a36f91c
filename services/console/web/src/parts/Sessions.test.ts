import { expect, test } from "vitest";
import type { Schemas } from "../api/client";
import { isOpen, lastUse } from "./Sessions";

const now = Date.parse("2026-01-01T12:00:00Z");

const session = (more: Partial<Schemas["Session"]>) =>
  ({
    revokeTime: null,
    expireTime: "2026-01-01T20:00:00Z",
    lastUseTime: "2026-01-01T11:30:00Z",
    portalLinkId: "",
    ...more,
  }) as Schemas["Session"];

test.each([
  ["used half an hour ago", {}, true],
  ["not used for an hour", { lastUseTime: "2026-01-01T11:00:00Z" }, false],
  ["with a portal link, not used for an hour", { lastUseTime: "2026-01-01T08:00:00Z", portalLinkId: "x" }, true],
  ["expired", { expireTime: "2026-01-01T12:00:00Z" }, false],
  ["revoked", { revokeTime: "2026-01-01T11:59:00Z" }, false],
])("a session is open or not: %s", (_, more, open) => {
  expect(isOpen(session(more), now)).toBe(open);
});

test("no last request is before the sign-in", () => {
  const times = { createTime: "2026-01-01T12:00:40Z", lastUseTime: "2026-01-01T12:00:00Z" };
  expect(lastUse(times)).toBe(times.createTime);
  expect(lastUse({ ...times, lastUseTime: "2026-01-01T12:01:00Z" })).toBe("2026-01-01T12:01:00Z");
});
