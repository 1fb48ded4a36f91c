import { expect, test } from "vitest";
import { requireNotKept } from "./secret";
import { message, newDirectory, openAs, patience, user, withBrowser } from "./world";

const organization = withBrowser(import.meta.url);
const admin = `admin-${organization}`;

test("a key is rotated under traffic without a failed message, and a leaked one is taken out of use", async () => {
  const directory = await newDirectory(organization, "Rotated");
  const old = directory.key;
  let key = old;
  let sending = true;
  const statuses = new Map<number, number>();
  const traffic = (async () => {
    while (sending) {
      const { status } = await message({ ...directory, key }, "GET", "/Users?count=1");
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  })();

  const page = await openAs(admin, `/organizations/${organization}/directories/${directory.id}?tab=keys`);
  await page.getByRole("button", { name: /^Rotate: / }).click();
  await page.getByLabel("Name of the new key").fill("In use from now on");
  await page.getByLabel("The old key stays valid for").selectOption("an hour");
  await page.getByText("No message is lost if the identity provider has the new key").waitFor();
  await page.getByRole("button", { name: "Create the new key" }).click();
  await page.getByRole("button", { name: "Copy: API key" }).click();
  const fresh = await page.evaluate(() => navigator.clipboard.readText());
  expect(fresh).toMatch(/^ush_/);
  expect(fresh).not.toBe(old);
  await requireNotKept(page, fresh);
  await page.keyboard.press("Escape"); // the dialogue stays until the key is stored
  await page.getByLabel("I have stored the API key").check();
  key = fresh; // the admin enters the new key at the identity provider
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByText("Replaced, still valid").waitFor();
  await page.getByText("2 API keys are valid.").waitFor();
  await page.getByRole("cell", { name: "In use from now on", exact: true }).waitFor();
  await requireNotKept(page, fresh);

  const row = page.getByRole("row").filter({ hasText: "Replaced, still valid" });
  await row.getByRole("button", { name: /^Revoke: / }).click();
  await page.getByRole("button", { name: "Revoke the key" }).click();
  await page.getByText(/is revoked\. Nobody can use it any more/).waitFor();
  expect((await message({ ...directory, key: old }, "GET", "/Users?count=1")).status).toBe(401);
  await page.getByText("1 API key is valid.").waitFor();

  sending = false;
  await traffic;
  expect([...statuses.keys()]).toEqual([200]);
  expect(statuses.get(200)).toBeGreaterThan(10);
});

test("the only valid key ends with a warning, and a new one works", async () => {
  const directory = await newDirectory(organization, "Leaked");
  const page = await openAs(admin, `/organizations/${organization}/directories/${directory.id}?tab=keys`);
  await page.getByRole("button", { name: /^Revoke: / }).click();
  await page.getByText("It is the only valid key").waitFor();
  await page.getByRole("button", { name: "Revoke the key" }).click();
  await page.getByText("No API key is valid").first().waitFor();
  expect((await message(directory, "GET", "/Users")).status).toBe(401);

  await page.getByRole("button", { name: "Create an API key" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("after the leak");
  await page.getByRole("dialog").getByRole("button", { name: "Create an API key" }).click();
  await page.getByRole("button", { name: "Copy: API key" }).click();
  const key = await page.evaluate(() => navigator.clipboard.readText());
  await page.getByLabel("I have stored the API key").check();
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("cell", { name: "after the leak", exact: true }).waitFor();
  expect((await message({ ...directory, key }, "GET", "/Users")).status).toBe(200);
});

test("a key that somebody may know ends at once, and the directory waits for the new one", {
  timeout: 240_000,
}, async () => {
  const directory = await newDirectory(organization, "Known to others");
  await message(directory, "POST", "/Users", user("ann@example.com"));
  const at = `/organizations/${organization}/directories/${directory.id}`;
  const page = await openAs(admin, `${at}?tab=keys`);
  await page.getByText("in the last two minutes").waitFor({ timeout: 2 * patience }); // the use of a key is stored within a minute
  await page.getByRole("button", { name: /^Rotate: / }).click();
  await page.getByLabel("Somebody else may know the old key").check();
  expect(await page.getByLabel("The old key stays valid for").inputValue()).toBe("0s");
  await page.getByText(/It ends for good\. This takes up to some 5 seconds\./).waitFor();
  await page.getByLabel("The old key stays valid for").selectOption("an hour");
  await page.getByText("Until then, whoever knows the old key can use it, too").waitFor();
  await page.getByLabel("The old key stays valid for").selectOption("no time: end it now");
  await page.getByRole("button", { name: "Create the new key" }).click();
  await page.getByText("The old key has ended: nobody can use it any more.").waitFor();
  const help = page.getByRole("dialog").getByRole("link", { name: "How to enter the new key" });
  expect(await help.getAttribute("href")).toBe(`${at}/set-up#Rotate-the-key`);
  await page.getByRole("button", { name: "Copy: API key" }).click();
  const key = await page.evaluate(() => navigator.clipboard.readText());
  await page.getByLabel("I have stored the API key").check();
  await page.getByRole("button", { name: "Done" }).click();
  expect((await message(directory, "GET", "/Users")).status).toBe(401);
  await page.getByText("its new API key has not been used yet").waitFor();
  await page.getByRole("button", { name: "Show 1 key that ended" }).click();
  await page
    .getByRole("row")
    .filter({ hasText: "Replaced, ended" })
    .getByText(/^ended/)
    .waitFor();

  const overview = await openAs(admin, `/organizations/${organization}`);
  const line = overview.getByRole("listitem").filter({ hasText: "Known to others" });
  await line.getByText("its new API key has not been used yet").waitFor();
  await line.getByText("Needs attention").waitFor();

  await page.getByRole("link", { name: "How to enter the new key" }).click();
  await page.getByRole("button", { name: "Rotate the key", exact: true, expanded: true }).waitFor();
  expect((await message({ ...directory, key }, "GET", "/Users")).status).toBe(200);
});

test("a viewer sees the keys, and is offered no change", async () => {
  const directory = await newDirectory(organization, "Seen");
  const at = `/organizations/${organization}/directories/${directory.id}`;
  const page = await openAs(`viewer-${organization}`, `${at}?tab=keys`);
  await page.getByText("1 API key is valid.").waitFor();
  expect(await page.getByRole("button", { name: /Create|Rotate|Revoke/ }).count()).toBe(0);
  await page.goto(`${at}?tab=settings`);
  await page.getByRole("radio", { name: "Tolerant" }).waitFor();
  expect(await page.getByRole("radio", { name: "Strict" }).isDisabled()).toBe(true);
  expect(await page.getByRole("button", { name: "Save" }).count()).toBe(0);
  await page.goto(`${at}?tab=end`);
  await page.getByRole("heading", { name: "Delete this directory" }).waitFor();
  expect(await page.getByRole("button", { name: "Delete the directory" }).count()).toBe(0);
});

test("the settings of a directory change", async () => {
  const directory = await newDirectory(organization, "To be renamed");
  const page = await openAs(admin, `/organizations/${organization}/directories/${directory.id}?tab=settings`);
  await page.getByRole("textbox", { name: "Name" }).fill("Renamed");
  await page.getByRole("radio", { name: "Strict" }).check();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { level: 1, name: "Renamed" }).waitFor();
  const ann = await message(directory, "POST", "/Users", user("ann@example.com"));
  const refused = await message(directory, "PATCH", `/Users/${ann.body.id}`, {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    Operations: [{ op: "Add", path: "title", value: "x" }],
  });
  expect(refused.status).toBe(400);
});
