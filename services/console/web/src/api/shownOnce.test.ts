import { expect, test } from "vitest";
import { forget, handOver, received } from "./shownOnce";

test("a secret arrives at the page of its directory, however often React begins to show it", () => {
  handOver("d1", "ush_secret");
  expect(received("d2")).toBeUndefined();
  expect(received("d1")).toBe("ush_secret");
  expect(received("d1")).toBe("ush_secret");
  forget();
  expect(received("d1")).toBeUndefined();
});
