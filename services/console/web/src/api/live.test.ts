import { expect, test } from "vitest";
import { pause } from "./live";

test("the time between two requests doubles with each failure, up to a limit", () => {
  expect([0, 1, 2, 3].map((failures) => pause(3_000, failures))).toEqual([3_000, 6_000, 12_000, 24_000]);
  expect(pause(3_000, 1_000)).toBe(120_000);
  expect(pause(300_000, 5)).toBe(300_000);
});
