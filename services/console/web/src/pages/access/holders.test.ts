import { expect, test } from "vitest";
import type { Schemas } from "../../api/client";
import { kindsOf } from "./holders";

const source = (more: Partial<Schemas["Source"]>) =>
  ({ kind: "SOURCE_KIND_RULE", ruleId: "known", keep: false, retained: false, ...more }) as Schemas["Source"];
const manual = (more: Partial<Schemas["Source"]> = {}) => source({ kind: "SOURCE_KIND_MANUAL", ruleId: "", ...more });
const rules = new Set(["known"]);

test.each([
  ["a rule", [source({})], rules, ["rule"]],
  ["by hand", [manual()], rules, ["manual"]],
  ["both", [source({}), manual()], rules, ["rule", "manual"]],
  ["kept while inactive", [manual({ keep: true })], rules, ["kept", "manual"]],
  ["kept for the last admin", [source({ retained: true })], rules, ["kept"]],
  ["a deleted rule", [source({ ruleId: "gone" })], rules, ["gone"]],
  ["a rule, while the rules are not known", [source({ ruleId: "gone" })], undefined, ["rule"]],
])("the kinds of a source: %s", (_, sources, known, kinds) => {
  expect([...kindsOf({ sources }, known)]).toEqual(kinds);
});
