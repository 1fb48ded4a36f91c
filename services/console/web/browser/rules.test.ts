import { expect, test } from "vitest";
import { caughtUp, create, group, newDirectory, newRule, openAs, rest, said, user, withBrowser } from "./world";

const organization = withBrowser(import.meta.url);
const base = `/organizations/${organization}`;

test("an admin adds the default rules and one with a filter, sees whom they match and what is wrong, and ends one", async () => {
  await rest("POST", `organizations/${organization}/tenants`, { id: "production", displayName: "Production" });
  const directory = await newDirectory(organization, "Okta");
  const ann = await create(directory, "/Users", user("ann@example.com", { userType: "Employee" }));
  const ben = await create(directory, "/Users", user("ben@example.com", { userType: "Contractor" }));
  await create(directory, "/Groups", group("Designers", [ann, ben]));
  await caughtUp(organization);

  const page = await openAs(`admin-${organization}`, `${base}/rules`);
  await page.getByText("No rule yet: nobody gets a role by a rule.").waitFor();
  await page.getByRole("button", { name: "Add the five default rules" }).click();
  await page.getByText("5 rules.").waitFor();
  const row = (name: string) => page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
  await row("Designers").getByText("2 users").waitFor();
  await row("Designers").getByText(said("Designer in Production")).waitFor();
  await row("Developers").getByText("No directory has sent its group").waitFor();
  await page.getByText(/Changes wait for a rule sync since/).waitFor();

  // The list can be searched, and shows what is wrong.
  await page.getByLabel("Find a rule").fill("automation");
  await expect.poll(() => page.getByRole("row").count()).toBe(2);
  expect(page.url()).toContain("find=automation");
  await page.getByLabel("Find a rule").fill("");

  // A filter shows its error at its place, and then its matches.
  await page.getByRole("link", { name: "Add a rule" }).click();
  await page.getByRole("radio", { name: "Users that a filter matches" }).check();
  const filter = page.getByLabel("Filter", { exact: true });
  await filter.fill('userType eq "Employee" or or active eq true');
  await page.getByText("The error is here:").waitFor();
  expect(await page.locator("mark").textContent()).toBe("active eq true");
  await filter.fill('userType eq "Employee"');
  await page.getByText("1 user", { exact: true }).waitFor();
  await page.getByRole("link", { name: "ann@example.com" }).waitFor();
  await page.getByRole("button", { name: "Add the rule" }).click();
  await page.getByText("Choose a role, and a tenant if the role needs one.").waitFor();
  await page.getByLabel("Role", { exact: true }).selectOption("Developer");
  await page.getByLabel("Name of the rule").fill("Employees develop");
  await page.getByRole("button", { name: "Add the rule" }).click();
  await page.getByRole("heading", { level: 1, name: "Employees develop" }).waitFor();
  await page.getByText("Waits for a rule sync", { exact: true }).waitFor();
  await page.getByText("Added. Nobody has it yet: the rule waits for a rule sync.").waitFor();

  // It changes, and ends.
  await page.getByRole("button", { name: "Disable" }).click();
  await page.getByText("Disabled: it gives nothing.").waitFor();
  await page.getByLabel("Name of the rule").fill("Employees build");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { level: 1, name: "Employees build" }).waitFor();
  await page.getByRole("button", { name: "Delete the rule" }).click();
  await page.getByRole("dialog").getByLabel("To confirm, type the name:").fill("Employees build");
  await page.getByRole("dialog").getByRole("button", { name: "Delete the rule" }).click();
  await page.getByText("5 rules.").waitFor();
});

test("the picker of groups finds what the identity provider has sent, and a name that it has not", async () => {
  const directory = await newDirectory(organization, "Entra");
  await create(directory, "/Groups", group("Picked people", []));
  const page = await openAs(`admin-${organization}`, `${base}/rules/new`);
  const name = page.getByRole("combobox", { name: "Name of the group" });
  await name.fill("pick");
  await page.getByRole("option", { name: "Picked people" }).click();
  await page.getByText("Nobody.").waitFor();
  await name.fill("Not sent yet");
  await page.getByText("The rule waits for it.").waitFor();
});

test("edits of a rule stay when somebody else changes it, and the match is sent as it was", async () => {
  const path = `organizations/${organization}/rules`;
  const { rule } = await rest("POST", path, {
    displayName: "Admins",
    roleValue: { value: "admin " },
    grants: [{ tenantId: "production", roleId: "developer" }],
  });
  const page = await openAs(`admin-${organization}`, `${base}/rules/${rule.id}`);
  const name = page.getByLabel("Name of the rule");
  await name.fill("Mine");
  await rest("PATCH", `${path}/${rule.id}`, { displayName: "Theirs" });
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Somebody else changed this").waitFor();
  expect(await name.inputValue()).toBe("Mine");
  await page.getByRole("button", { name: "Discard my changes and show the new version" }).click();
  await expect.poll(() => name.inputValue()).toBe("Theirs");
  await name.fill("Mine");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText(/^Saved\./).waitFor();
  const { rule: now } = await rest("GET", `${path}/${rule.id}`);
  expect([now.displayName, now.roleValue.value]).toEqual(["Mine", "admin "]);
});

test("a group with nearly the name is offered for a rule that matches nobody, and the change is applied from the rule", async () => {
  const directory = await newDirectory(organization, "Google");
  const cleo = await create(directory, "/Users", user("cleo@example.com"));
  await create(directory, "/Groups", group("Product designers", [cleo]));
  await caughtUp(organization);
  const rule = await newRule(organization, "Product Designer", "designer");
  const page = await openAs(`admin-${organization}`, `${base}/users/${cleo}`);
  const why = page.getByRole("region", { name: "Why does this user not have a role?" });
  await why.getByLabel("Role").selectOption("Designer");
  const similar = why.getByRole("listitem").filter({ hasText: "Product designers" });
  await similar.getByText("The user is in it").waitFor();
  await similar.getByRole("link", { name: "Correct the rule" }).click();
  await expect.poll(() => page.url()).toContain(rule);
  await page.getByText("As saved, without your changes:").first().waitFor();
  await page.getByText("1 user", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved. Nobody has it yet: the change waits for a rule sync.").waitFor();
  await page.getByRole("button", { name: "Apply now" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText(said("Product Designer: matches 1 user now")).waitFor();
  await dialog.getByRole("button", { name: "Start a rule sync" }).click();
  await page.getByText("Saved. A rule sync has applied it to all users.").waitFor();
  await page.goto(`${base}/users/${cleo}`);
  await page.getByText("Access by rules", { exact: true }).waitFor();
});

test("a viewer sees the rules, and is offered no change", async () => {
  const page = await openAs(`viewer-${organization}`, `${base}/rules`);
  await page.getByRole("link", { name: "Designers" }).click();
  await page.getByRole("heading", { level: 1, name: "Designers" }).waitFor();
  await page.getByText(said("Designer in Production")).waitFor();
  expect(await page.getByRole("button", { name: /Save|Disable|Delete|Add/ }).count()).toBe(0);
});
