import { expect, test } from "vitest";
import {
  caughtUp,
  create,
  group,
  holdWork,
  newDirectory,
  newRule,
  openAs,
  rest,
  said,
  user,
  withBrowser,
} from "./world";

const organization = withBrowser(import.meta.url);

const mayDesign = async (id: string) =>
  (await rest("GET", `organizations/${organization}/users/${id}/access:check?tenantId=production&roleId=designer`))
    .allowed;

test("changes that wait lead to a rule sync, which is watched, cancelled, and started again", async () => {
  const directory = await newDirectory(organization, "Okta");
  const ann = await create(directory, "/Users", user("ann@example.com"));
  await create(directory, "/Groups", group("Designers", [ann]));
  await caughtUp(organization);
  await newRule(organization, "Designers", "designer"); // a new rule gives nothing by itself

  const page = await openAs(`admin-${organization}`, `/organizations/${organization}`);
  await page.getByRole("link", { name: "Rule syncs" }).click();
  await page.getByText("Changes of 1 rule wait for a rule sync.").waitFor();
  const goOn = await holdWork(organization);
  const start = async () => {
    await page.getByRole("button", { name: "Start a rule sync" }).click();
    await page.getByRole("dialog").getByText(said("Designers: matches 1 user now")).waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Start a rule sync" }).click();
    await page.getByRole("heading", { name: "This rule sync runs now" }).waitFor();
  };
  await start();
  expect(await mayDesign(ann)).toBe(false);
  await page.getByRole("button", { name: "Cancel the rule sync" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the rule sync" }).click();
  await page.getByRole("row").filter({ hasText: "Cancelled" }).waitFor();

  await start();
  await goOn();
  const done = page.getByRole("row").filter({ hasText: "Done" });
  await done.getByText("1 given, 0 taken away").waitFor();
  await page.getByText("No change of a rule waits.").waitFor();
  expect(await mayDesign(ann)).toBe(true);

  // It says what it changed, and for whom.
  await done.getByRole("link").click();
  await page.getByRole("heading", { level: 1, name: "A rule sync" }).waitFor();
  const change = page.getByRole("row").filter({ hasText: said("Designer in Production") });
  await change.getByRole("link", { name: "ann@example.com" }).click();
  await page.getByText("Access by rules").waitFor();
});

test("a viewer sees the rule syncs, and cannot start one", async () => {
  const page = await openAs(`viewer-${organization}`, `/organizations/${organization}/syncs`);
  await page.getByRole("row").filter({ hasText: "Cancelled" }).waitFor();
  expect(await page.getByRole("button", { name: /Start|Cancel/ }).count()).toBe(0);
});
