import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { message, newDirectory, openAs, rest, user, withBrowser } from "./world";

const organization = withBrowser(import.meta.url);
const admin = `admin-${organization}`;

const openEvents = async () =>
  (await rest("GET", `organizations/${organization}/failedEvents?openOnly=true`)).failedEvents;

test("a failed event leads from its cause to its acknowledgement", async () => {
  const directory = await newDirectory(organization, "Events");
  await message(directory, "POST", "/Users", user("ann@example.com", { externalId: "ann" }));
  const failed = await message(directory, "POST", "/Users", user("ANN@example.com", { externalId: "another" }));
  expect(failed.status).toBe(409);
  for (const name of ["", "x".repeat(5_000)]) {
    expect((await message(directory, "POST", "/Users", user(name))).status).toBe(400);
  }
  await expect.poll(async () => (await openEvents()).length, { timeout: 60_000 }).toBe(3);

  const page = await openAs(admin, "/");
  await page.getByRole("link", { name: "3", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "Failed events" }).waitFor();
  await page.getByText("Open: 3.").waitFor();

  // The identity provider's log has the message ID, and so has the list.
  await page.getByLabel("Message ID").fill(failed.id);
  const row = page.getByRole("row").filter({ hasText: failed.id });
  await row.getByText("The name or id is in use already").waitFor();
  await row.getByText("ANN@example.com").waitFor();
  await expect.poll(() => page.getByRole("row").count()).toBe(2); // with the names of the columns
  await row.getByRole("link").click();
  const details = page.getByRole("dialog");
  await details.getByText("ANN@example.com", { exact: true }).waitFor();
  await details.getByText("In conflict with").waitFor();
  await details.getByText("ann@example.com", { exact: true }).waitFor();
  await details.getByText("At the identity provider", { exact: true }).waitFor();
  expect(page.url()).toContain("event=");
  await details.getByRole("button", { name: "Acknowledge" }).click();
  await details.getByText("Acknowledged by").waitFor();
  await details.getByRole("button", { name: "Close" }).click();
  await row.getByText("Acknowledged", { exact: true }).waitFor(); // a search for a message ID looks at all events
  await page.getByLabel("Message ID").fill("");
  await row.waitFor({ state: "detached" });

  // All others of a reason at once. Before, the acknowledged reason must have left the page, since the buttons then move.
  await page.getByText("Open: 2.").waitFor();
  await page.getByRole("button", { name: /^A value that is not allowed/ }).click();
  await page.getByRole("button", { name: "Acknowledge all" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Acknowledge all" }).click();
  await page.getByText("2 failed events acknowledged.").waitFor();
  expect(await openEvents()).toEqual([]);

  // The export has the same events as the list.
  await page.getByLabel("Show", { exact: true }).selectOption("All");
  await page.getByRole("row").nth(3).waitFor();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Export" }).click(),
  ]);
  const lines = readFileSync(await download.path(), "utf8")
    .trim()
    .split("\n");
  expect(lines.map((line) => JSON.parse(line).messageId)).toContain(failed.id);
  expect(lines.length).toBe(3);
});

test("a viewer sees what failed, and cannot acknowledge it", async () => {
  const directory = await newDirectory(organization, "For the viewer");
  const failed = await message(directory, "DELETE", "/Users/01a22df5-59d0-7337-b0c5-b3f927c6be1e");
  expect(failed.status).toBe(404);
  await expect.poll(async () => (await openEvents()).length, { timeout: 60_000 }).toBeGreaterThan(0);
  const page = await openAs(
    `viewer-${organization}`,
    `/organizations/${organization}/failed-events?directory=${directory.id}`,
  );
  await page.getByRole("row").filter({ hasText: failed.id }).getByRole("link").click();
  await page.getByRole("dialog").getByText("At the identity provider").waitFor();
  expect(await page.getByRole("button", { name: /Acknowledge/ }).count()).toBe(0);
});
