import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { requireNotKept } from "./secret";
import { message, openAs, patience, rest, said, simulate, user, withBrowser } from "./world";

const organization = withBrowser(import.meta.url);
const admin = `admin-${organization}`;

/** Returns the value of a field that the reader copies. */
const copied = async (page: Page, label: string) => {
  await page.getByRole("button", { name: `Copy: ${label}` }).click();
  return page.evaluate(() => navigator.clipboard.readText());
};

const steps = (page: Page, done: boolean) => page.locator(`[data-step][data-done=${done}]`);

test("an admin sets a directory up, and sees each step of the identity provider", async () => {
  const page = await openAs(admin, "/");
  await page.getByRole("link", { name: "Set up a directory" }).click();
  await page.getByRole("button", { name: "Create the directory" }).click();
  await page.getByText("Choose the identity provider.").waitFor(); // nothing is created by mistake
  expect(await page.getByRole("radio", { checked: true }).count()).toBe(0);
  await page.getByText("Enter a name of 1 to 200 characters.").waitFor();
  await page.getByRole("radio", { name: "Okta" }).click();
  await page.getByLabel("Name of the directory").fill("Okta of the sales team");
  await page.getByText(/The rules of the organization apply .* There is no rule yet\./).waitFor();
  await page.getByRole("button", { name: "Create the directory" }).click();

  await page.getByText("This is the only time that you see the API key.").waitFor();
  const directory = { baseUrl: await copied(page, "Base URL"), key: await copied(page, "API key") };
  expect(directory.key).toMatch(/^ush_/);
  await page.getByText("An identity provider in the cloud cannot reach this address").waitFor(); // the tests are on one computer
  await requireNotKept(page, directory.key);
  expect(await steps(page, true).count()).toBe(0);
  const guide = page.getByRole("main");
  await guide.getByText(directory.key).first().waitFor(); // the guide has the values filled in

  const tested = await message(directory, "GET", "/Users?count=1");
  expect(tested.status).toBe(200);
  await page.locator("[data-step=connection][data-done=true]").waitFor();
  await page.locator("[data-step=key][data-done=true]").waitFor();
  expect(await steps(page, false).count()).toBe(4);

  await simulate(directory, "--idp", "okta", "--users", "30", "--groups", "5");
  for (const step of ["user", "group", "change", "deactivation"]) {
    await page.locator(`[data-step=${step}][data-done=true]`).waitFor({ timeout: patience });
  }
  await page.getByText("Everything has arrived that Usher looks for.").waitFor();
  await page.getByText("Of the newest 20 users, so many have a value:").waitFor();
  await requireNotKept(page, directory.key);
});

test("a second directory with the same name is seen before it is created", async () => {
  await rest("POST", `organizations/${organization}/directories?replaceNone=true`, { displayName: "Twice" });
  const page = await openAs(admin, `/organizations/${organization}/directories/new`);
  await page.getByLabel("Name of the directory").fill("twice");
  await page.getByText(said("A directory with the name twice exists already.")).waitFor();
  await page.getByLabel("Name of the directory").fill("Twice as much");
  await page.getByText(/exists already/).waitFor({ state: "detached" });
});

test("nobody leaves the only place of an API key by mistake", async () => {
  const page = await openAs(admin, `/organizations/${organization}/directories/new`);
  await page.getByRole("radio", { name: "JumpCloud" }).click();
  await page.getByLabel("Name of the directory").fill("Key to be stored");
  await page.getByRole("button", { name: "Create the directory" }).click();
  const key = await copied(page, "API key");

  await page.getByRole("link", { name: "Go to the directory" }).click();
  await page.getByRole("dialog").getByText("When you leave this page").waitFor();
  await page.getByRole("button", { name: "Stay here" }).click();
  await page.getByLabel("I have stored the API key").check();
  await page.getByRole("link", { name: "Go to the directory" }).click();
  await page.getByRole("heading", { level: 1, name: "Key to be stored", exact: true }).waitFor();
  await requireNotKept(page, key);

  await page.goBack();
  await page.getByText("The API key was shown once, when it was created.").waitFor();
  expect(await page.content()).not.toContain(key);
});

test("a directory keeps its guide, whose sections open one by one", async () => {
  const page = await openAs(admin, `/organizations/${organization}/directories/new`);
  await page.getByRole("radio", { name: "JumpCloud" }).click();
  await page.getByLabel("Name of the directory").fill("Guided");
  await page.getByRole("button", { name: "Create the directory" }).click();
  await page.getByLabel("I have stored the API key").check();
  const open = () => page.getByRole("main").locator("h2 > button[aria-expanded=true]").allTextContents();
  const everybodyNeeds = ["Before you begin", "Where each value goes"];
  await expect.poll(open).toEqual(everybodyNeeds);

  await page.getByRole("link", { name: "Go to the directory" }).click();
  await page.getByRole("link", { name: "Continue to set it up" }).click();
  const guide = page.getByRole("combobox", { name: "The guide for" });
  expect(await guide.inputValue()).toBe("JumpCloud");
  await guide.click();
  await page.getByRole("option", { name: "Google Workspace" }).click();
  await page.goto(page.url().replace(/\?.*/, ""));
  await expect.poll(() => guide.inputValue()).toBe("Google Workspace");
  await page.goto(`${page.url()}?provider=ping`); // the address wins
  await expect.poll(() => guide.inputValue()).toBe("Ping Identity");

  await expect.poll(open).toEqual(everybodyNeeds);
  await page.getByRole("button", { name: "Groups", exact: true }).click();
  await page.getByRole("region", { name: "Groups", exact: true }).waitFor();
  expect(await open()).toEqual([...everybodyNeeds, "Groups"]);
  const sources = page.getByRole("region", { name: "Sources", includeHidden: true });
  expect(await sources.isVisible()).toBe(false);
  await page.emulateMedia({ media: "print" });
  expect(await sources.isVisible()).toBe(true);
});

test("what Usher ignores stands below the guide, and only a proposal asks for something", async () => {
  const made = await rest("POST", `organizations/${organization}/directories?replaceNone=true`, {
    displayName: "With more than needed",
  });
  const directory = { baseUrl: made.directory.baseUrl, key: made.secret };
  const ann = user("ann@example.com", { groups: [{ value: "1" }] });
  expect((await message(directory, "POST", "/Users", ann)).status).toBe(201);
  const page = await openAs(admin, `/organizations/${organization}/directories/${made.directory.id}/set-up`);
  await page.getByText("There is nothing to do.").waitFor();
  expect(await page.getByRole("heading", { name: "Ignored attributes" }).count()).toBe(0);

  const badge = { "urn:example:Badge:1.0:User": { colour: "red" } };
  expect((await message(directory, "POST", "/Users", user("ben@example.com", badge))).status).toBe(201);
  await page.reload();
  await page.getByRole("button", { name: "Register the schema" }).waitFor();
  const headings = await page.getByRole("main").getByRole("heading", { level: 2 }).allTextContents();
  expect(headings.indexOf("Ignored attributes")).toBeGreaterThan(headings.indexOf("Sources"));
});

test("the schema that Usher proposes keeps what it ignored before", async () => {
  const made = await rest("POST", `organizations/${organization}/directories?replaceNone=true`, {
    displayName: "With badges",
  });
  const directory = { baseUrl: made.directory.baseUrl, key: made.secret };
  const badge = { "urn:example:Badge:1.0:User": { colour: "red" } };
  await message(directory, "POST", "/Users", user("ann@example.com", badge));

  const page = await openAs(admin, `/organizations/${organization}/directories/${made.directory.id}?tab=dialect`);
  await page.getByRole("button", { name: "Register the schema" }).click();
  await page.getByText("for users, 1 attribute").waitFor();
  const ben = await message(directory, "POST", "/Users", user("ben@example.com", badge));
  expect(ben.body["urn:example:Badge:1.0:User"]).toEqual({ colour: "red" });
});
