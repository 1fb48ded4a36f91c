import { expect, test } from "vitest";
import { characterAt, contains, countInWords } from "./match";

test("the place of an error is found in a filter with letters of several bytes", () => {
  const filter = 'título eq "é" & x';
  const byte = new TextEncoder().encode('título eq "é" ').length;
  expect(filter.slice(characterAt(filter, byte))).toBe("& x");
  expect(characterAt("abc", 0)).toBe(0);
  expect(characterAt("abc", 99)).toBe(3);
  expect("😀 eq".slice(characterAt("😀 eq", 4))).toBe(" eq");
});

test.each([
  [{ users: 12, atLeast: false, lookedAt: 0 }, "12 users"],
  [{ users: 10_000, atLeast: true, lookedAt: 0 }, `${(10_000).toLocaleString()}+ users`],
  [{ users: 7, atLeast: true, lookedAt: 1000 }, `7 of the first ${(1000).toLocaleString()} users looked at`],
  [{ users: 7, atLeast: false, lookedAt: 30 }, "7 users"],
])("a count says what was counted: %o", (count, words) => {
  expect(countInWords({ countTime: "", exampleUserIds: [], ...count })).toBe(words);
});

test("a rule is found by its name, its match and its roles", () => {
  const rule = {
    id: "1",
    organizationId: "acme",
    displayName: "Those who draw",
    group: { displayName: "Designers", pins: [] },
    grants: [],
    createTime: "",
    updateTime: "",
    etag: "",
  };
  for (const search of ["DRAW", "designers", " developer in "]) {
    expect(contains(rule, search, ["Developer in Production"]), search).toBe(true);
  }
  expect(contains(rule, "nobody", [])).toBe(false);
});
