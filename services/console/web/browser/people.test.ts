import { beforeAll, expect, test } from "vitest";
import {
  caughtUp,
  create,
  group,
  newDirectory,
  newRule,
  openAs,
  rest,
  said,
  syncRules,
  user,
  withBrowser,
} from "./world";

const organization = withBrowser(import.meta.url);
const admin = `admin-${organization}`;
const base = `/organizations/${organization}`;
const ids = { ann: "", ben: "", designers: "" };

beforeAll(async () => {
  const directory = await newDirectory(organization, "Okta");
  ids.ann = await create(directory, "/Users", user("ann@example.com", { displayName: "Ann Able", externalId: "a" }));
  ids.ben = await create(directory, "/Users", user("ben@example.com", { displayName: "Ben Best", externalId: "b" }));
  const leads = await create(directory, "/Groups", group("Design leads", [ids.ann]));
  ids.designers = await create(directory, "/Groups", group("Designers", [leads]));
  await caughtUp(organization); // then the rule sync gives the access, and no message
  await newRule(organization, "Designers", "designer");
  await newRule(organization, "Developers", "developer");
  await syncRules(organization);
}, 120_000);

const may = async (id: string, roleId: string) =>
  (await rest("GET", `organizations/${organization}/users/${id}/access:check?tenantId=production&roleId=${roleId}`))
    .allowed;

test("a user is found while somebody types, and the page says why the user has a role", async () => {
  const page = await openAs(admin, `${base}/users`);
  await page.getByLabel("Find a user").pressSequentially("BEN B");
  await page.getByRole("link", { name: "ben@example.com" }).waitFor();
  await expect.poll(() => page.getByRole("row").count()).toBe(2);
  await page.getByLabel("Find a user").fill("ann@");
  await page.getByRole("link", { name: "ann@example.com" }).click();
  await page.getByRole("heading", { level: 1, name: "Ann Able" }).waitFor();
  await page.getByText("Access by rules", { exact: true }).waitFor();
  const access = page.getByRole("table", { name: "Access of this user" });
  await access.getByText(said("Designer in Production")).waitFor();
  await access.getByText(said("because of the group Designers")).waitFor();
  await access.getByText(said("through Design leads")).waitFor();

  await page.getByRole("tab", { name: "Groups" }).click();
  await page.getByRole("row").filter({ hasText: "Designers" }).getByText(said("through Design leads")).waitFor();
  await page.getByRole("tab", { name: "Changes" }).click();
  await page.getByRole("row").filter({ hasText: "Gained" }).getByRole("link", { name: "A rule sync" }).waitFor();
  await page.getByRole("tab", { name: "Data" }).click();
  await page.getByText('"userName": "ann@example.com"').waitFor();

  // The group leads back, and to the rules that use it.
  await page.getByRole("tab", { name: "Groups" }).click();
  await page.getByRole("link", { name: "Designers" }).click();
  await page.getByText("0 users directly, 1 user with those in nested groups.").waitFor();
  await page.getByRole("heading", { name: "Groups in this group" }).waitFor();
  await page
    .getByRole("table", { name: "Rules that use this group" })
    .getByText(said("Designer in Production"))
    .waitFor();
});

test("the page says why a user does not have a role, and a grant by hand mends it", async () => {
  const page = await openAs(admin, `${base}/users/${ids.ben}`);
  await page.getByText("This user holds no role.").waitFor();
  const why = page.getByRole("region", { name: "Why does this user not have a role?" });
  await why.getByLabel("Role").selectOption("Designer");
  await why.getByText(said("The user is not in the group Designers,")).waitFor();
  await why.getByLabel("Role").selectOption("Developer");
  await why.getByText(said("has no group Developers.")).waitFor();
  await why.getByText("Okta: push it with Group Push; Entra ID: assign it to the application").waitFor();
  await why.getByLabel("Role").selectOption("Automation Admin");
  await why.getByText("No rule gives this role here.").waitFor();

  await page.getByRole("button", { name: "Grant a role by hand" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Role").selectOption("Designer");
  await dialog.getByRole("button", { name: "Grant a role by hand" }).click();
  await page.getByText("Access by hand", { exact: true }).waitFor();
  await page.getByText(/Granted by hand by /).waitFor();
  expect(await may(ids.ben, "designer")).toBe(true);
  await page.getByRole("button", { name: said("Revoke: Designer in Production") }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByText("This user holds no role.").waitFor();
  expect(await may(ids.ben, "designer")).toBe(false);
});

test("all access of a user is suspended at once, and resumed", async () => {
  const page = await openAs(admin, `${base}/users/${ids.ann}`);
  await page.getByRole("button", { name: "Suspend all access" }).click();
  await page
    .getByRole("dialog")
    .getByLabel(/Reason/)
    .fill("The laptop was stolen.");
  await page.getByRole("dialog").getByRole("button", { name: "Suspend all access" }).click();
  await page.getByText(/Suspended: somebody has taken all access away/).waitFor();
  await page.getByText("The laptop was stolen.").waitFor();
  expect(await may(ids.ann, "designer")).toBe(false);

  // Nobody forgets it: the lists show it, and so does the reason why a rule does not help.
  await page.getByText("Suspended", { exact: true }).waitFor();
  const why = page.getByRole("region", { name: "Why does this user not have a role?" });
  await why.getByLabel("Role").selectOption("Designer");
  await why.getByText("Yes, but suspended").waitFor();
  await page.getByRole("navigation").getByRole("link", { name: "Users" }).first().click();
  await page.getByRole("row").filter({ hasText: "ann@example.com" }).getByText("Suspended").waitFor();
  await page.getByLabel("Show").selectOption("Suspended");
  await page.getByRole("row").filter({ hasText: "The laptop was stolen." }).getByRole("link").click();
  await page.getByRole("button", { name: "Resume access" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Resume access" }).click();
  await page.getByText("Active: the access below counts.").waitFor();
  expect(await may(ids.ann, "designer")).toBe(true);
});

test("access is suspended while the identity service does not answer", async () => {
  const page = await openAs(admin, "/");
  await page.route(new RegExp(`/users/${ids.ann}(/access:explain)?$`), (route) =>
    route.request().resourceType() === "document"
      ? route.fallback()
      : route.fulfill({ status: 503, json: { code: 14, message: "identity cannot be reached", details: [] } }),
  );
  await page.goto(`${base}/users/${ids.ann}`);
  await page.getByText("This does not work now").waitFor();
  await page.getByRole("button", { name: "Suspend all access" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(/Reason/).fill("Seen abroad.");
  await dialog.getByRole("button", { name: "Suspend all access" }).click();
  await page.getByText(/Suspended: somebody has taken all access away/).waitFor();
  await page.getByText("Seen abroad.").waitFor();
  expect(await may(ids.ann, "designer")).toBe(false);
  await page.getByRole("button", { name: "Resume access" }).click();
  await dialog.getByRole("button", { name: "Resume access" }).click();
  await page.getByRole("button", { name: "Suspend all access" }).waitFor();
  expect(await may(ids.ann, "designer")).toBe(true);
});

test("a detached user is edited, deactivated and erased", async () => {
  const directory = await newDirectory(organization, "Former");
  const cleo = await create(directory, "/Users", user("cleo@example.com", { externalId: "c" }));
  await create(directory, "/Groups", group("Designers", [cleo]));
  await caughtUp(organization);
  await syncRules(organization);
  expect(await may(cleo, "designer")).toBe(true);
  await rest("DELETE", `organizations/${organization}/directories/${directory.id}`);
  await caughtUp(organization);

  const page = await openAs(admin, `${base}/users?state=USER_STATE_DETACHED`);
  await page.getByRole("link", { name: "cleo@example.com" }).click();
  await page.getByText(/Detached: the directory is deleted/).waitFor();
  expect(await may(cleo, "designer")).toBe(true); // a deleted directory takes no access away
  await page.getByRole("tab", { name: "Manage" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Cleo Clark");
  await page.getByRole("switch", { name: "Active" }).uncheck();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { level: 1, name: "Cleo Clark" }).waitFor();
  await page.getByText("Saved. Access follows in a moment.").waitFor();
  await caughtUp(organization);
  expect(await may(cleo, "designer")).toBe(false);

  await page.getByRole("button", { name: "Erase the user" }).click();
  await page.getByRole("dialog").getByLabel("To confirm, type the name:").fill("cleo@example.com");
  await page.getByRole("dialog").getByRole("button", { name: "Erase the user" }).click();
  await page.getByRole("heading", { level: 1, name: "Users" }).waitFor();
  await page.getByLabel("Find a user").fill("cleo");
  await page.getByText("No user begins with this text.").waitFor();
});

test("a viewer sees users and reasons, and is offered no change", async () => {
  const page = await openAs(`viewer-${organization}`, `${base}/users/${ids.ann}`);
  await page.getByText(said("because of the group Designers")).waitFor();
  expect(await page.getByRole("button", { name: /Grant|Revoke|Suspend|Save|Erase/ }).count()).toBe(0);
});
