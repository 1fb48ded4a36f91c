import { expect, test } from "vitest";
import { button, eventually, press, says, show, until } from "../../test/page";
import { type Asked, requests, serve } from "../../test/server";
import { Rules } from "./Rules";

const inTenant = ["participant", "designer", "developer", "automation-admin"];
const catalogue = [
  ...inTenant.map((id) => ({ id, displayName: id, rank: 1, scope: "ROLE_SCOPE_TENANT" })),
  { id: "global-admin", displayName: "Global Admin", rank: 1, scope: "ROLE_SCOPE_ORGANIZATION" },
];

/** Serves an organization whose rules are those that the page adds. */
function serveOrganization(roles: unknown[], tenants: unknown[]) {
  const rules: unknown[] = [];
  serve({
    "GET roles": { roles },
    "GET tenants": { tenants, nextPageToken: "" },
    "GET access:status": { rulesWaitingCount: 0, oldestWaitingTime: null },
    "GET syncs": { syncs: [], nextPageToken: "" },
    "GET rules:problems": { problems: [] },
    "GET rules": () => ({ rules, nextPageToken: "" }),
    "POST rules:countMatches": { counts: [], remainingIds: [] },
    "POST rules": ({ body }: Asked) => {
      if (body.displayName === "Developers" && rules.length === 2 && requests("POST", "rules").length === 3) {
        return 503;
      }
      const rule = { ...body, id: `r${rules.length}`, organizationId: "acme", enabled: true };
      rules.push(rule);
      return { rule };
    },
  });
}

test("the default rules that could not be added are offered again, and each once", async () => {
  serveOrganization(catalogue, [{ id: "production", displayName: "Production" }]);
  show(<Rules />, { path: "rules", at: "rules" });
  await press("Add the five default rules");
  await says("This does not work now");
  await says("2 rules.");
  await press("Add the default rules that are missing");
  await says("5 rules.");
  await eventually(() => expect(button("Add the default rules that are missing")).toBeUndefined());
  const sent = requests("POST", "rules");
  expect(sent.map(({ body }) => body.displayName)).toEqual([
    "Participants",
    "Designers",
    "Developers",
    "Developers",
    "Automation Admins",
    "Administrators",
  ]);
  expect(new Set(sent.map(({ search }) => search.get("requestId"))).size).toBe(5);
  expect(sent.at(-1)?.body.grants).toEqual([{ tenantId: "", roleId: "global-admin" }]);
  expect(sent[0]?.body.grants).toEqual([{ tenantId: "production", roleId: "participant" }]);
  expect(requests("GET", "rules:problems").length).toBeGreaterThan(1);
  expect(requests("GET", "access:status").length).toBeGreaterThan(1);
});

test("a role in the organization needs no tenant", async () => {
  serveOrganization(catalogue.slice(-1), []);
  show(<Rules />, { path: "rules", at: "rules" });
  await until(() => button("Add the default rules"));
  await press("Add the default rules");
  await says("1 rule.");
  expect(requests("POST", "rules")[0]?.body.grants).toEqual([{ tenantId: "", roleId: "global-admin" }]);
});
