// Organizations with much or little in them, for the tests that look at each page.
import { expect, vi } from "vitest";
import { type AccessPlaces, excessiveAccess, noAccess, usualAccess } from "./accessData";
import { type Directory, each, group, message, newDirectory, patience, rest, simulate, user } from "./world";

/** The ids of what a set of pages shows. */
export interface Places extends AccessPlaces {
  organization: string;
  /** A directory that has received messages. This id and the others are "" if the organization has no directory. */
  busy: string;
  /** A directory that waits for its first message. */
  quiet: string;
  /** A deleted directory that has a successor, and its successor. */
  former: string;
  successor: string;
  /** A deleted directory that has no successor. */
  ended: string;
}

const base = (organization: string) => `organizations/${organization}`;

/** Deletes a directory, and creates one that replaces it. */
async function replace(organization: string, former: Directory, displayName: string): Promise<Directory> {
  await rest("DELETE", `${base(organization)}/directories/${former.id}`);
  const body = { displayName, replacesId: former.id };
  const made = await rest("POST", `${base(organization)}/directories`, body);
  return { id: made.directory.id, baseUrl: made.directory.baseUrl, key: made.secret };
}

/** Waits until the failed events of an organization can be read, as many as are expected. */
async function eventsOf(organization: string, atLeast: number): Promise<void> {
  await vi.waitFor(
    async () => {
      const { counts } = await rest("GET", `${base(organization)}/failedEvents:count`);
      expect(counts.reduce((sum: number, reason: { count: number }) => sum + reason.count, 0)).toBeGreaterThanOrEqual(
        atLeast,
      );
    },
    { timeout: patience, interval: 500 },
  );
}

/** An organization without a directory. */
export function nothing(organization: string): Places {
  return { organization, busy: "", quiet: "", former: "", successor: "", ended: "", ...noAccess };
}

/** Gives an organization admins, links and credentials, and blocks somebody. */
async function addAdmins(organization: string, directory: Directory, called: string[]): Promise<void> {
  for (const [n, displayName] of called.entries()) {
    const { body } = await message(directory, "POST", "/Users", user(`admin${n}@example.com`, { displayName }));
    await rest("POST", `${base(organization)}/access:grant`, {
      userId: body.id,
      roleId: "organization-admin",
      keep: n % 2 === 0,
    });
    await rest("POST", `${base(organization)}/portalLinks`, {
      scopes: ["SCOPE_MANAGE_DIRECTORIES", "SCOPE_MANAGE_RULES", "SCOPE_READ_EVENTS"].slice(0, (n % 3) + 1),
      ...(n % 2 ? { newDirectory: true } : { directoryId: directory.id }),
    });
    const { serviceCredential } = await rest("POST", "serviceCredentials", {
      displayName,
      organizationIds: [organization],
      scopes: ["SCOPE_READ_ACCESS", "SCOPE_READ_PEOPLE", "SCOPE_READ_EVENTS"].slice(0, (n % 3) + 1),
      addressRanges: n % 2 ? ["10.0.0.0/8", "2001:db8::/32"] : [],
    });
    if (n % 3 === 2) {
      await rest("POST", `serviceCredentials/${serviceCredential.id}:revoke`);
    }
    await rest("POST", "blockedSubjects", { provider: "customers", subject: `${organization}-${n}` });
  }
}

/** What an organization has after some weeks. */
export async function usual(organization: string): Promise<Places> {
  await rest("POST", `${base(organization)}/tenants`, { id: "production", displayName: "Production" });
  await rest("POST", `${base(organization)}/rules`, {
    displayName: "Designers",
    group: { displayName: "Designers" },
    grants: [{ tenantId: "production", roleId: "designer" }],
  });
  const busy = await newDirectory(organization, "Okta of the sales team");
  await simulate(busy, "--idp", "okta", "--users", "30", "--groups", "5");
  await message(
    busy,
    "POST",
    "/Users",
    user("ann@example.com", { externalId: "ann", costCentre: "4711", badge: "red" }),
  );
  await message(busy, "POST", "/Users", user("ANN@example.com", { externalId: "another" }));
  await message(busy, "POST", "/Users", user("ben@example.com", { emails: "ben@example.com", active: "perhaps" }));
  await message(busy, "GET", "/Users?filter=userName%20is%20ann");
  for (const name of ["", "x".repeat(5_000)]) {
    await message(busy, "POST", "/Users", user(name));
  }
  await message(busy, "DELETE", "/Users/01a22df5-59d0-7337-b0c5-b3f927c6be1e");
  const keys = `${base(organization)}/directories/${busy.id}/apiKeys`;
  const { apiKey } = await rest("POST", keys, { displayName: "For the migration" });
  await rest("POST", keys, { displayName: "Test", expireTime: new Date(Date.now() + 5 * 86_400_000).toISOString() });
  await rest("POST", `${keys}/${apiKey.id}:revoke`);

  await addAdmins(organization, busy, ["Ann Example", "Ben Example"]);
  const entra = await newDirectory(organization, "Entra ID, head office");
  await simulate(entra, "--idp", "entra", "--users", "20", "--groups", "3");

  const refused = await newDirectory(organization, "OneLogin of the warehouse");
  await message({ ...refused, key: busy.key }, "GET", "/Users");

  const former = await newDirectory(organization, "Google until May");
  const people = [];
  for (const name of ["carla", "dmitri", "emeka"]) {
    people.push((await message(former, "POST", "/Users", user(`${name}@example.com`, { externalId: name }))).body.id);
  }
  await message(former, "POST", "/Groups", group("Designers", people, { externalId: "designers" }));
  const successor = await replace(organization, former, "JumpCloud since May");
  await message(successor, "POST", "/Users", user("carla@example.com", { externalId: "carla" }));
  await message(successor, "POST", "/Groups", group("Designers", [people[0]], { externalId: "designers" }));

  const ended = await newDirectory(organization, "A trial");
  const access = await usualAccess(organization, busy, async (fill) => {
    const id = await fill(ended);
    await rest("DELETE", `${base(organization)}/directories/${ended.id}`);
    return id;
  });
  const quiet = await newDirectory(organization, "Ping Identity");
  await eventsOf(organization, 4);
  const ids = { busy: busy.id, quiet: quiet.id, former: former.id, successor: successor.id, ended: ended.id };
  return { organization, ...ids, ...access };
}

// Names that are hard to show: long with and without spaces, and from right to left.
const longName =
  "The directory of all colleagues in the sales organization of Europe, the Middle East and North Africa".slice(0, 100);
const longWord = "Personalverwaltungsabteilungsleiterassistenzverzeichnis".repeat(2).slice(0, 100);
const arabic = "دليل الموارد البشرية (الرياض)";
const hebrew = "ספריית משאבי אנוש - תל אביב!";
const names = [longName, longWord, arabic, hebrew, `${arabic}, ${longName}`.slice(0, 100)];

const longAddress = (n: number) =>
  `${`a.very.long.name.of.a.person.${n}.`.repeat(7)}${n}@subsidiary.of.the.holding.example.com`;

/** More of everything than people have. */
export async function excessive(organization: string): Promise<Places> {
  await rest("PATCH", base(organization), { displayName: longName.replace("directory", "organization") });
  for (let n = 0; n < 60; n++) {
    await rest("POST", "organizations", {
      id: `${"customer-with-a-long-name-".repeat(2)}${n}`,
      displayName: names[n % names.length],
      federated: n % 3 !== 0,
    });
  }
  const busy = await newDirectory(organization, longName);
  await simulate(busy, "--idp", "entra", "--users", "40", "--groups", "5");

  // Ignored attributes, and a schema with as many of them as possible.
  const attributes = (word: string) =>
    Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`${word}${"WithALongName".repeat(n % 6)}${n}`, `${n}`]));
  await message(busy, "POST", "/Users", user("ignored@example.com", attributes("attribute")));
  await message(
    busy,
    "POST",
    "/Users",
    user("schema@example.com", {
      "urn:example:params:scim:schemas:extension:Everything:2.0:User": attributes("value"),
    }),
  );
  for (const [n, name] of [arabic, hebrew, longAddress(1), "x".repeat(190)].entries()) {
    await message(busy, "POST", "/Users", user(name, { externalId: `first-${n}` }));
    await message(busy, "POST", "/Users", user(name, { externalId: `second-${n}` })); // it conflicts with the first
  }
  await addAdmins(organization, busy, names);
  for (let n = 0; n < 120; n++) {
    await rest("POST", `${base(organization)}/tenants`, {
      id: `${"tenant-with-a-long-name-".repeat(2)}${n}`,
      displayName: names[n % names.length],
    });
  }
  for (let n = 0; n < 30; n++) {
    await rest("POST", "roles", {
      id: `${"role-with-a-long-name-".repeat(2)}${n}`,
      displayName: names[n % names.length],
    });
  }
  const keys = `${base(organization)}/directories/${busy.id}/apiKeys`;
  for (let n = 0; n < 19; n++) {
    const expireTime = n % 2 ? null : new Date(Date.now() + n * 2 * 86_400_000 + 60_000).toISOString();
    await rest("POST", keys, { displayName: names[n % names.length], expireTime });
  }

  const former = await newDirectory(organization, longWord);
  const people: string[] = [];
  await each(Array.from({ length: 120 }), 4, async (_, n) => {
    const name = n % 10 === 0 ? `${arabic} ${n}` : longAddress(n);
    people.push((await message(former, "POST", "/Users", user(name, { externalId: `${"x".repeat(60)}${n}` }))).body.id);
  });
  await message(former, "POST", "/Groups", group(`${longName} and ${hebrew}`, people, { externalId: "all" }));
  const successor = await replace(organization, former, `${hebrew} ${longName}`.slice(0, 100));
  await message(successor, "POST", "/Groups", group(`${longName} and ${hebrew}`, [], { externalId: "all" }));

  const ended = await newDirectory(organization, `${arabic} ${longName}`.slice(0, 100));
  const access = await excessiveAccess(organization, busy, async (fill) => {
    const id = await fill(ended);
    await rest("DELETE", `${base(organization)}/directories/${ended.id}`);
    return id;
  });

  // 10,000 failed events from 50 directories.
  const all = [busy];
  for (let n = 0; n < 46; n++) {
    all.push(await newDirectory(organization, `${n} ${names[n % names.length]}`.slice(0, 100)));
  }
  const failing = [user(""), user("x".repeat(5_000)), user("a", { active: "perhaps" }), { schemas: [] }];
  await each(Array.from({ length: 10_000 }), 12, async (_, n) => {
    const { status } = await message(all[n % all.length] as Directory, "POST", "/Users", failing[((n / 50) % 4) | 0]);
    expect(status, "a message that must fail").toBe(400);
  });
  const quiet = await newDirectory(organization, `${longWord.slice(0, 80)} ${hebrew}`.slice(0, 100));
  await eventsOf(organization, 10_000);
  const ids = { busy: busy.id, quiet: quiet.id, former: former.id, successor: successor.id, ended: ended.id };
  return { organization, ...ids, ...access };
}
