import { expect, test } from "vitest";
import { enter, eventually, says, show, shown } from "../../test/page";
import type { Asked } from "../../test/server";
import { requests, serve } from "../../test/server";
import { Rules } from "./Rules";

const count = (users: number) => ({ users, atLeast: false, lookedAt: 0, countTime: new Date(), exampleUserIds: [] });

/** Serves 30 rules: "Rule 0" to "Rule 29". */
function serveRules() {
  serve({
    "GET roles": { roles: [{ id: "designer", displayName: "Designer", rank: 1, scope: "ROLE_SCOPE_TENANT" }] },
    "GET tenants": { tenants: [], nextPageToken: "" },
    "GET access:status": { rulesWaitingCount: 0, oldestWaitingTime: null },
    "GET syncs": { syncs: [], nextPageToken: "" },
    "GET rules:problems": { problems: [] },
    "GET rules": {
      rules: Array.from({ length: 30 }, (_, n) => ({
        id: `r${n}`,
        organizationId: "acme",
        displayName: `Rule ${n}`,
        enabled: true,
        group: { displayName: `Group ${n}`, pins: [] },
        grants: [{ tenantId: "t", roleId: "designer" }],
        etag: "",
      })),
      nextPageToken: "",
    },
  });
}

test("a search counts nothing again", async () => {
  serveRules();
  serve({
    "POST rules:countMatches": ({ body }: Asked) => ({
      counts: body.ids.map((ruleId: string) => ({ ruleId, count: count(7) })),
      remainingIds: [],
    }),
  });
  show(<Rules />, { path: "rules", at: "rules" });
  await says("7 users");
  await eventually(() => expect(requests("POST", "rules:countMatches")).toHaveLength(2)); // 20 and 10 rules
  await enter("Find a rule", "Rule 2");
  await eventually(() => expect(shown()).not.toContain("Rule 1"));
  await enter("Find a rule", "Rule 29");
  await eventually(() => expect(shown()).not.toContain("Rule 28"));
  expect(shown()).toContain("7 users");
  expect(shown()).not.toContain("counting");
  expect(requests("POST", "rules:countMatches")).toHaveLength(2);
});

test("a rule that cannot be counted says so", async () => {
  serveRules();
  serve({
    // The first batch has no time for its last rule, the other one fails.
    "POST rules:countMatches": ({ body }: Asked) =>
      body.ids.includes("r29")
        ? 500
        : {
            counts: body.ids
              .filter((id: string) => id !== "r19")
              .map((ruleId: string) => ({ ruleId, count: count(7) })),
            remainingIds: ["r19"],
          },
  });
  show(<Rules />, { path: "rules", at: "rules" });
  await eventually(() => expect(shown().match(/cannot be counted now/g)).toHaveLength(11));
  expect(shown().match(/7 users/g)).toHaveLength(19);
});

test("no request to count goes on when its rules are not shown any more", async () => {
  serveRules();
  serve({ "POST rules:countMatches": () => new Promise(() => {}) });
  show(<Rules />, { path: "rules", at: "rules" });
  await eventually(() => expect(requests("POST", "rules:countMatches")).toHaveLength(2));
  await enter("Find a rule", "Rule 29");
  const aborted = () => requests("POST", "rules:countMatches").map(({ signal }) => signal.aborted);
  await eventually(() => expect(aborted()).toEqual([true, false]));
});

test("while problems are not known, no rule is said to have none", async () => {
  serveRules();
  let fail = (_: number) => {};
  serve({
    "GET rules:problems": () =>
      new Promise((resolve) => {
        fail = resolve;
      }),
    "POST rules:countMatches": { counts: [], remainingIds: [] },
  });
  show(<Rules />, { path: "rules", at: "rules?show=problems" });
  await says("30 rules.");
  expect(shown()).not.toContain("No rule matches");
  fail(503);
  await says("This does not work now");
  expect(shown()).not.toContain("No rule matches");
});
