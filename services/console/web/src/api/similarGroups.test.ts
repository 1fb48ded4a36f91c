import { expect, test } from "vitest";
import { beginningsOf, mostSimilar } from "./similarGroups";

const namesOf = (name: string, ...groups: string[]) =>
  mostSimilar(
    name,
    groups.map((displayName) => ({ displayName })),
  ).map((group) => group.displayName);

test("groups with nearly the name are similar, the nearest first", () => {
  expect(
    namesOf("Product Designer", "Product", "Product managers of Europe", "PRODUCT DESIGN", "Product designers"),
  ).toEqual(["Product designers", "PRODUCT DESIGN", "Product"]);
});

test("groups of several directories with one name are one", () => {
  expect(namesOf("Designer", "Designers", "DESIGNERS", "designers", "Design")).toEqual(["Designers", "Design"]);
});

test("a group with another name or with the same name is not similar", () => {
  expect(namesOf("Designers", "designers", "Desks of the whole company", "Desi")).toEqual(["Desi"]);
});

test.each([
  ["Product Designer", ["Product Desi", "Product", "Prod"]],
  ["HR", ["HR"]],
  ["  ", []],
  ["a-team", ["a-tea", "a", "a-te"]],
])("the search for %j begins with most of it", (name, beginnings) => {
  expect(beginningsOf(name)).toEqual(beginnings);
});

test("a long name costs little", () => {
  const long = Array.from({ length: 300 }, (_, n) => ({ displayName: `${n} ${"x".repeat(1000)}` }));
  const before = performance.now();
  mostSimilar("x".repeat(1000), long);
  expect(performance.now() - before).toBeLessThan(2_000);
});
