import { expect, test, vi } from "vitest";
import { about, newDirectory, openAs, patience, rest, signIn, withBrowser, world } from "./world";

const organization = withBrowser(import.meta.url);

test("the operator creates an organization, gives it a tenant, stops it, and erases it", async () => {
  const id = `${organization}-made`;
  const page = await openAs("operator", "/organizations");
  await page.getByText(/Version of this Usher:/).waitFor();
  await page.getByRole("button", { name: "Create an organization" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Id" }).fill("Not an id");
  await page.getByRole("dialog").getByRole("button", { name: "Create an organization" }).click();
  await page
    .getByRole("alert")
    .getByText(/organization\.id/)
    .waitFor();
  await page.getByRole("dialog").getByRole("textbox", { name: "Id" }).fill(id);
  await page.getByRole("dialog").getByRole("textbox", { name: "Name" }).fill("Made by hand");
  await page.getByRole("dialog").getByRole("button", { name: "Create an organization" }).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await page.getByRole("link", { name: "Organization settings" }).click();

  await page.getByRole("tab", { name: "Tenants" }).click();
  await page.getByRole("button", { name: "Create a tenant" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Id" }).fill("production");
  await page.getByRole("dialog").getByRole("button", { name: "Create a tenant" }).click();
  await page.getByRole("button", { name: about("Rename:", "production") }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Name" }).fill("Production");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: about("Delete:", "Production") }).waitFor();

  await page.getByRole("tab", { name: "Name and end" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Made anew");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: /Another organization: Made anew/ }).waitFor();
  const directory = await newDirectory(id, "Connected");
  const status = async () => {
    const headers = { Authorization: `Bearer ${directory.key}` };
    return (await fetch(`${directory.baseUrl}/Users?count=1`, { headers })).status;
  };
  await page.getByRole("button", { name: "Stop its use of SCIM" }).click();
  await page.getByRole("button", { name: "Suspend its directories" }).click();
  await page.getByText("The organization is not federated").first().waitFor();
  await vi.waitFor(async () => expect(await status()).toBe(403), { timeout: patience, interval: 200 });
  await page.getByRole("button", { name: "Let it use SCIM" }).click();
  await page.getByRole("button", { name: "Let the organization use SCIM" }).click();
  await page.getByRole("button", { name: "Stop its use of SCIM" }).waitFor();
  await vi.waitFor(async () => expect(await status()).toBe(200), { timeout: patience, interval: 200 });

  await page.getByRole("button", { name: "Erase the organization" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Nobody can undo it.").waitFor();
  expect(await dialog.getByRole("button", { name: "Erase the organization" }).isDisabled()).toBe(true);
  await dialog.getByLabel("To confirm, type the name:").fill("Made anew");
  await dialog.getByRole("button", { name: "Erase the organization" }).click();
  await page.getByRole("heading", { name: "The organization is erased" }).waitFor();
  await expect(rest("GET", `organizations/${id}`)).rejects.toThrow("404");
});

test("a role is added to the catalogue, and deleted; a role in use stays", async () => {
  const page = await openAs("operator", "/roles");
  await page.getByRole("button", { name: "Create a role" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "Id" }).fill("auditor");
  await dialog.getByRole("textbox", { name: "Name" }).fill("Auditor");
  await dialog.getByLabel("Rank").fill("15");
  await dialog.getByRole("button", { name: "Create a role" }).click();
  await page.getByRole("button", { name: about("Delete:", "Auditor") }).waitFor();
  await rest("POST", `organizations/${organization}/tenants`, { id: "production" });
  const { rule } = await rest("POST", `organizations/${organization}/rules`, {
    displayName: "Auditors",
    group: { displayName: "Auditors" },
    grants: [{ tenantId: "production", roleId: "auditor" }],
  });
  await page.getByRole("button", { name: about("Delete:", "Auditor") }).click();
  await page.getByRole("button", { name: "Delete the role" }).click();
  await page.getByText("The role is in use").waitFor();
  await rest("DELETE", `organizations/${organization}/rules/${rule.id}`);
  await page.getByRole("button", { name: "Delete the role" }).click();
  await page.getByRole("button", { name: about("Delete:", "Auditor") }).waitFor({ state: "detached" });
});

test("a person is blocked, and let in again", async () => {
  const login = `admin-${organization}`;
  const person = await openAs(login, `/organizations/${organization}`);
  const page = await openAs("operator", "/sign-ins");
  const sessions = page.getByRole("region", { name: "Sessions, newest first" });
  await sessions
    .getByRole("button", { name: about("Block", `customers/${login}`) })
    .first()
    .click();
  await page.getByRole("button", { name: "Block the person" }).click();
  const unblock = page.getByRole("button", { name: about("Unblock", `customers/${login}`) });
  await unblock.waitFor();
  await person.reload();
  await person.waitForURL(`${world.Admin}/sign-in?return_to=*`);
  await unblock.click();
  await page.getByRole("button", { name: "Unblock the person" }).click();
  await unblock.waitFor({ state: "detached" });
  await signIn(person, login, `/organizations/${organization}`);
  await person.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
});

test("an admin of an organization is shown none of the operator's pages", async () => {
  const page = await openAs(`admin-${organization}`, "/sign-ins");
  await page
    .getByText(/You may not (see|do) this/)
    .first()
    .waitFor();
  expect(await page.getByRole("link", { name: /^(Organizations|Roles|Sign-ins)$/ }).count()).toBe(0);
});
