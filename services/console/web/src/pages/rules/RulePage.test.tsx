import { expect, test } from "vitest";
import { button, enter, eventually, field, press, says, show, shown, until } from "../../test/page";
import { requests, serve } from "../../test/server";
import { RulePage } from "./RulePage";

const second = (n: number) => new Date(Date.UTC(2030, 1, 1, 0, 0, n)).toISOString();

const stored = (more: object = {}) => ({
  id: "r",
  organizationId: "acme",
  displayName: "Designers",
  enabled: true,
  group: { displayName: "Designer", pins: [] },
  grants: [{ tenantId: "t", roleId: "designer" }],
  createTime: second(0),
  updateTime: second(0),
  etag: "1",
  ...more,
});

const sync = (state: string, createTime: string) => ({ id: "s", organizationId: "acme", state, createTime });

const waits = { ruleId: "r", kind: "RULE_PROBLEM_KIND_WAITS_FOR_SYNC", directoryId: "", sinceTime: second(1) };
const notSeen = { ruleId: "r", kind: "RULE_PROBLEM_KIND_GROUP_NOT_SEEN", directoryId: "", sinceTime: null };

const count = { users: 3, atLeast: false, lookedAt: 0, countTime: second(0), exampleUserIds: [] };

/** Serves a rule. After a change, it is as in `after`, and it waits for a rule sync. */
function serveRule(after: object = {}, problems: object[] = [waits]) {
  let changed = false;
  const now = () => stored(changed ? { updateTime: second(2), etag: "2", ...after } : {});
  const change = () => {
    changed = true;
    return { rule: now() };
  };
  serve({
    "GET rules/r": () => ({ rule: now() }),
    "GET rules": () => ({ rules: [now()], nextPageToken: "" }),
    "GET rules:problems": () => ({ problems: changed ? problems : [notSeen] }),
    "GET syncs": { syncs: [sync("SYNC_STATE_DONE", second(1))], nextPageToken: "" },
    "GET access:status": () => ({ rulesWaitingCount: changed ? 1 : 0, oldestWaitingTime: null }),
    "GET roles": { roles: [{ id: "designer", displayName: "Designer", rank: 1, scope: "ROLE_SCOPE_TENANT" }] },
    "GET tenants": { tenants: [{ id: "t", displayName: "Production" }], nextPageToken: "" },
    "GET directories": { directories: [], nextPageToken: "" },
    "GET groups:search": { groups: [], nextPageToken: "" },
    "POST groups:batchGet": { groups: [] },
    "POST rules:preview": { count, groupIds: ["g"] },
    "POST rules:countMatches": { counts: [{ ruleId: "r", count }], remainingIds: [] },
    "PATCH rules/r": change,
    "POST rules/r:disable": change,
  });
}

const open = (at = "rules/r") => show(<RulePage />, { path: "rules/:rule", at });

test("a saved rule says beside the button that nobody has it, and is applied from there", async () => {
  serveRule({ group: { displayName: "Designers", pins: [] } });
  open();
  await says("No directory has sent its group");
  expect(shown()).not.toContain("As saved, without your changes:");
  await enter("Name of the group", "Designers");
  await says("Whom it would match now");
  await says("As saved, without your changes: Enabled, with 1 problem.");
  await press("Save");
  await says("Saved. Nobody has it yet: the change waits for a rule sync.");
  await eventually(() => expect(document.activeElement?.textContent).toContain("Nobody has it yet"));
  serve({
    "POST syncs": () => {
      serve({ "GET syncs": { syncs: [sync("SYNC_STATE_RUNNING", second(3))], nextPageToken: "" } });
      return { sync: sync("SYNC_STATE_RUNNING", second(3)) };
    },
  });
  await press("Apply now");
  await says("Designers: matches 3 users now");
  (await until(() => document.querySelector<HTMLButtonElement>('[role="dialog"] button[type="submit"]'))).click();
  await says("A rule sync applies it now.");
  expect(requests("POST", "syncs")).toHaveLength(1);
  expect(requests("PATCH", "rules/r")).toHaveLength(1);
  expect(shown()).not.toContain("As saved, without your changes:");
});

test("a disabled rule says that users keep what it gave", async () => {
  serveRule({ enabled: false });
  open();
  await press("Disable");
  await says("Disabled. Users keep what it gave until a rule sync runs.");
  expect(button("Apply now")).toBeDefined();
});

test("a change that gives nobody other access does not wait", async () => {
  serveRule({ displayName: "Other" }, []);
  open();
  await enter("Name of the rule", "Other");
  await press("Save");
  await says("Saved. It changes nobody's access.");
  expect(shown()).not.toContain("Apply now");
});

test("a rule sync that began before the change does not apply it", async () => {
  serveRule({ enabled: false });
  serve({ "GET syncs": { syncs: [sync("SYNC_STATE_RUNNING", second(1))], nextPageToken: "" } });
  open();
  await press("Disable");
  await says("A rule sync runs that began before this change.");
});

test("a group with nearly the name is offered, and comes into the form", async () => {
  serveRule();
  serve({
    "GET groups:search": { groups: [{ id: "g", directoryId: "d", displayName: "Designers" }], nextPageToken: "" },
  });
  open();
  await says("Did you mean");
  await press("Use this group");
  await eventually(async () => expect((await field("Name of the group")).value).toBe("Designers"));
});

test("the group of the address is in the form, and not in the address any more", async () => {
  serveRule();
  const { router } = open("rules/r?group=Product%20designers");
  await eventually(async () => expect((await field("Name of the group")).value).toBe("Product designers"));
  expect(router.state.location.search).toBe("");
  await press("Save");
  await says("Saved.");
  expect(requests("PATCH", "rules/r")[0]?.body.group).toEqual({ displayName: "Product designers" });
});
