import { expect, test } from "vitest";
import { revocable } from "./revocable";

const rule = { kind: "SOURCE_KIND_RULE" as const, keep: false };
const manual = { kind: "SOURCE_KIND_MANUAL" as const, keep: false };
const kept = { kind: "SOURCE_KIND_MANUAL" as const, keep: true };

test.each([
  ["a grant by hand", [rule, manual], false, false, true],
  ["a rule's access", [rule], false, false, false],
  ["a rule's access of a detached user", [rule], true, false, true],
  ["a kept grant, by an admin", [kept], false, false, false],
  ["a kept grant, by the operator", [kept], false, true, true],
  ["a kept grant of a detached user, by an admin", [rule, kept], true, false, false],
])("%s is revocable or not", (_, sources, detached, operator, can) => {
  expect(revocable({ sources }, { detached, operator })).toBe(can);
});
