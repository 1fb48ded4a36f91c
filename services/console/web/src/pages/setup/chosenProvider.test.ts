import { beforeEach, expect, test } from "vitest";
import { chosenProvider, rememberProvider } from "./chosenProvider";

beforeEach(() => localStorage.clear());

test("each directory has its own provider, and the last choice counts", () => {
  rememberProvider("one", "okta");
  rememberProvider("two", "ping");
  rememberProvider("one", "google");
  expect(["one", "two", "three"].map(chosenProvider)).toEqual(["google", "ping", undefined]);
});

test("the browser remembers the newest 50 choices", () => {
  for (let i = 0; i < 60; i++) {
    rememberProvider(`directory ${i}`, "okta");
  }
  rememberProvider("directory 20", "ping");
  const remembered = Array.from({ length: 60 }, (_, i) => chosenProvider(`directory ${i}`));
  expect(remembered.filter(Boolean)).toHaveLength(50);
  expect(remembered.slice(0, 10)).toEqual(Array(10).fill(undefined));
  expect(remembered[20]).toBe("ping");
});

test.each(["no JSON", "{}", "null", '["one"]', "[[]]", '[["one"]]', '[["one", "toString"]]', '[["one", {}]]'])(
  "what another program stored is no choice: %s",
  (stored) => {
    localStorage.setItem("usher-guides", stored);
    expect(chosenProvider("one")).toBeUndefined();
    rememberProvider("one", "okta");
    expect(chosenProvider("one")).toBe("okta");
  },
);
