import { expect, test } from "vitest";
import { useCatalogue } from "../../api/catalogue";
import type { Scope } from "../../api/session";
import { choose, says, show, shown } from "../../test/page";
import { type Asked, serve } from "../../test/server";
import { Why } from "./Why";

function Page() {
  return <Why organization="acme" id="u" directory="d" catalogue={useCatalogue("acme")} />;
}

test.each([
  ["offered", ["READ_ACCESS", "MANAGE_RULES"], true],
  ["not offered", ["READ_ACCESS"], false],
] as [string, Scope[], boolean][])("a new rule is %s by what the reader may do", async (_, scopes, offered) => {
  serve({
    "GET roles": { roles: [{ id: "owner", displayName: "Owner", rank: 1, scope: "ROLE_SCOPE_ORGANIZATION" }] },
    "GET tenants": { tenants: [], nextPageToken: "" },
    "GET users/u/access:explain": { rules: [], detached: false },
  });
  show(<Page />, { scopes });
  await choose("Role", "owner");
  await says("No rule gives this role here.");
  expect(shown().includes("Add a rule")).toBe(offered);
});

test.each([
  [undefined, "Okta: push it with Group Push; Entra ID: assign it to the application"],
  ["okta", "At Okta, push the group with Group Push."],
])("a rule whose group is missing names one like it, and what to do at the provider %s", async (provider, advice) => {
  localStorage.setItem("usher-guides", JSON.stringify(provider ? [["d", provider]] : []));
  serve({
    "GET roles": { roles: [{ id: "owner", displayName: "Owner", rank: 1, scope: "ROLE_SCOPE_ORGANIZATION" }] },
    "GET tenants": { tenants: [], nextPageToken: "" },
    "GET directories": { directories: [], nextPageToken: "" },
    "GET users/u/access:explain": {
      rules: [
        { ruleId: "r", displayName: "Owners", finding: "FINDING_NO_GROUP", groupName: "Product Owner", grants: [] },
      ],
      detached: false,
    },
    "GET groups:search": ({ search }: Asked) => ({
      groups: search.get("directoryId") === "d" ? [{ id: "g", directoryId: "d", displayName: "Product owners" }] : [],
      nextPageToken: "",
    }),
    "GET users/u/groups": ({ search }: Asked) => ({
      groups: search.getAll("groupIds").map((id) => ({ group: { id }, through: [] })),
      nextPageToken: "",
    }),
  });
  show(<Page />);
  await choose("Role", "owner");
  await says(advice);
  await says("Product owners");
  await says("The user is in it");
  const link = [...document.querySelectorAll("a")].find((one) => one.textContent === "Correct the rule");
  expect(link?.getAttribute("href")).toBe("/organizations/acme/rules/r?group=Product%20owners");
});

test("that the access is suspended comes before what the rules say", async () => {
  serve({
    "GET roles": { roles: [{ id: "owner", displayName: "Owner", rank: 1, scope: "ROLE_SCOPE_ORGANIZATION" }] },
    "GET tenants": { tenants: [], nextPageToken: "" },
    "GET users/u/access:explain": {
      rules: [{ ruleId: "r", displayName: "Owners", finding: "FINDING_GIVES", groupName: "Owners", grants: [] }],
      suspension: { reason: "stolen", suspendedBy: "staff/olga", createTime: new Date() },
      detached: false,
    },
  });
  show(<Page />);
  await choose("Role", "owner");
  await says("Yes, but suspended");
  const page = shown();
  expect(page.indexOf("Somebody has suspended all access")).toBeLessThan(page.indexOf("The user matches the rule."));
  expect(page).toContain("By staff/olga");
  expect(page).toContain("stolen");
});
