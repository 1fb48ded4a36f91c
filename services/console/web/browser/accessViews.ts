// What the console can show about rules, rule syncs, users and groups.
import type { Page } from "playwright-core";
import type { Places } from "./data";
import { press, type View } from "./views";

/** Answers with a rule sync in the middle of its work. */
const pretendToRun = async (page: Page) => {
  await page.route(/\/api\/.*\/syncs(\?|$)/, async (route) => {
    const response = await route.fetch();
    const list = await response.json();
    const running = {
      ...list.syncs[0],
      state: "SYNC_STATE_RUNNING",
      endTime: null,
      usersDone: "412000",
      usersTotal: "1000000",
      accessAdded: "5120",
      accessRemoved: "77",
      usersSetAside: "2",
      estimatedEndTime: new Date(Date.now() + 95_000).toISOString(),
    };
    await route.fulfill({ json: { ...list, syncs: [running, ...list.syncs.slice(1)] } });
  });
  await page.reload();
  await page.getByRole("heading", { name: "This rule sync runs now" }).waitFor();
};

/** Answers as if the session had these scopes alone. */
const pretendToRead =
  (...scopes: string[]) =>
  async (page: Page) => {
    await page.route(/\/session$/, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), scopes } });
    });
    await page.reload();
    await page.getByText(/^Your account does not show/).waitFor();
  };

const chooseRole = (name: string) => async (page: Page) => {
  await page.getByRole("region", { name: "Why does this user not have a role?" }).getByLabel("Role").selectOption(name);
  await page.getByRole("table", { name: "What the rules say about this user" }).waitFor();
};

const enterFilter = async (page: Page) => {
  await page.getByRole("radio", { name: "Users that a filter matches" }).check();
  await page.getByLabel("Filter", { exact: true }).fill('userType eq "Employee" and or active eq true');
  await page.getByText("The error is here:").waitFor();
};

/** Returns what an organization's people can see of access. */
const editRule = async (page: Page) => {
  await page.getByRole("combobox", { name: "Name of the group" }).fill("Design");
  await page.keyboard.press("Escape"); // closes the list
  await page.getByText("Whom it would match now").waitFor();
  await page.getByText("counting").waitFor({ state: "detached" });
};

export function accessViewsOf(places: Places): View[] {
  const { organization } = places;
  const login = `admin-${organization}`;
  const viewer = `viewer-${organization}`;
  const base = `/organizations/${organization}`;
  const views: View[] = [
    { name: "access", path: `${base}/access`, login },
    { name: "access-of-viewer", path: `${base}/access`, login: viewer },
    { name: "access-by-hand", path: `${base}/access?source=manual`, login },
    { name: "access-none", path: `${base}/access?role=designer&source=gone`, login },
    { name: "access-of-role", path: `${base}/access?role=organization-admin`, login },
    { name: "access-may-not", path: `${base}/access`, login, act: pretendToRead() },
    { name: "access-ids", path: `${base}/access`, login, act: pretendToRead("SCOPE_READ_ACCESS") },
    { name: "rules", path: `${base}/rules`, login },
    { name: "rules-of-viewer", path: `${base}/rules`, login: viewer },
    { name: "rule-new", path: `${base}/rules/new`, login },
    { name: "rule-new-missing", path: `${base}/rules/new`, login, act: press("Add the rule") },
    { name: "rule-new-filter", path: `${base}/rules/new`, login, act: enterFilter },
    { name: "rule-not-found", path: `${base}/rules/01a22df5-59d0-7337-b0c5-b3f927c6be1e`, login },
    { name: "syncs", path: `${base}/syncs`, login },
    { name: "sync-start", path: `${base}/syncs`, login, act: press("Start a rule sync") },
    { name: "users", path: `${base}/users`, login },
    { name: "users-none", path: `${base}/users?find=nobody+at+all`, login },
    { name: "users-suspended", path: `${base}/users?state=suspended`, login },
    { name: "groups", path: `${base}/groups`, login },
    { name: "role-values", path: `${base}/groups?tab=values`, login },
  ];
  if (!places.user) {
    return views;
  }
  const rule = `${base}/rules/${places.rule}`;
  const user = (tab: string) => `${base}/users/${places.user}?tab=${tab}`;
  const detached = `${base}/users/${places.detached}?tab=manage`;
  return [
    ...views,
    { name: "rules-none", path: `${base}/rules?find=nothing+like+this`, login },
    { name: "rule", path: rule, login },
    { name: "rule-edited", path: rule, login, act: editRule },
    { name: "rule-of-viewer", path: rule, login: viewer },
    { name: "rule-delete", path: rule, login, act: press("Delete the rule") },
    { name: "sync-running", path: `${base}/syncs`, login, act: pretendToRun },
    { name: "sync", path: `${base}/syncs/${places.sync}`, login },
    { name: "user", path: user("access"), login },
    { name: "user-of-viewer", path: user("access"), login: viewer },
    { name: "user-why", path: user("access"), login, act: chooseRole("Participant") },
    { name: "user-grant", path: user("access"), login, act: press("Grant a role by hand") },
    { name: "user-suspend", path: user("access"), login, act: press("Suspend all access") },
    { name: "user-groups", path: user("groups"), login },
    { name: "user-changes", path: user("changes"), login },
    { name: "user-data", path: user("data"), login },
    { name: "user-detached", path: detached, login },
    { name: "user-erase", path: detached, login, act: press("Erase the user") },
    { name: "group", path: `${base}/groups/${places.group}`, login },
  ];
}
