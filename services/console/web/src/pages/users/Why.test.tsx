import { expect, test } from "vitest";
import { useCatalogue } from "../../api/catalogue";
import type { Scope } from "../../api/session";
import { choose, says, show, shown } from "../../test/page";
import { serve } from "../../test/server";
import { Why } from "./Why";

function Page() {
  return <Why organization="acme" id="u" catalogue={useCatalogue("acme")} />;
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
