import { expect, test } from "vitest";
import { eventually, says, show, shown } from "../../test/page";
import { type Asked, requests, serve } from "../../test/server";
import { GroupPage } from "./GroupPage";

const group = (id: string, displayName: string) => ({ id, organizationId: "acme", directoryId: "d", displayName });

const rule = (id: string, displayName: string, groupId: string) => ({
  id,
  organizationId: "acme",
  displayName,
  enabled: true,
  group: { displayName: "", pins: [{ groupId, directoryId: "d", state: "PIN_STATE_PINNED" }] },
  grants: [{ tenantId: "", roleId: "designer" }],
});

/** Serves a group "leads" in "Product designers" in "Everybody". */
function serveGroups() {
  serve({
    "GET roles": { roles: [] },
    "GET tenants": { tenants: [], nextPageToken: "" },
    "GET directories": { directories: [], nextPageToken: "" },
    "GET groups/leads": { group: group("leads", "Leads"), directUsers: null, allUsers: null },
    "GET groups/leads/members": { members: [], nextPageToken: "" },
    "GET groups/leads/nestedGroups": ({ search }: Asked) => ({
      groups: search.get("nesting") === "NESTING_CONTAINERS" ? [group("designers", "Product designers")] : [],
      nextPageToken: "",
    }),
    "GET groups/designers/nestedGroups": { groups: [group("all", "Everybody"), group("leads", "")], nextPageToken: "" },
    "GET groups/all/nestedGroups": { groups: [group("designers", "")], nextPageToken: "" },
    "GET rules": {
      rules: [rule("1", "Designers", "designers"), rule("2", "Participants", "all"), rule("3", "Others", "other")],
      nextPageToken: "",
    },
  });
}

test("a group names the rules that use a group above it", async () => {
  serveGroups();
  show(<GroupPage />, { path: "groups/:group", at: "groups/leads" });
  await says("No rule uses this group directly.");
  await says("Through Product designers, which contains this group:");
  await says("Through Everybody, which contains this group:");
  const tables = [...document.querySelectorAll("table")].map((table) => table.textContent ?? "");
  expect(tables.some((table) => table.includes("Designers"))).toBe(true);
  expect(tables.some((table) => table.includes("Participants"))).toBe(true);
  expect(shown()).not.toContain("Others");
  expect(shown()).not.toContain("more groups above");
});

test("only some of many groups above are read, and the page says so", async () => {
  serveGroups();
  serve({ "GET groups/all/nestedGroups": { groups: [], nextPageToken: "more" } });
  const many = Array.from({ length: 30 }, (_, n) => group(`g${n}`, `Group ${n}`));
  serve({ "GET groups/designers/nestedGroups": { groups: many, nextPageToken: "" } });
  for (const { id } of many) {
    serve({ [`GET groups/${id}/nestedGroups`]: { groups: [], nextPageToken: "" } });
  }
  show(<GroupPage />, { path: "groups/:group", at: "groups/leads" });
  await says("There are more groups above this one than are looked at here");
  await eventually(() => expect(requests("GET", "groups/g17/nestedGroups")).toHaveLength(1));
  expect(requests("GET", "groups/g18/nestedGroups")).toHaveLength(0);
});
