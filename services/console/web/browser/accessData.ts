// Rules, rule syncs, users and groups for the tests that look at each page.
import { caughtUp, create, type Directory, each, group, message, newRule, rest, syncRules, user } from "./world";

/** The ids of what the pages about access show. They are "" if the organization has nothing. */
export interface AccessPlaces {
  /** A rule with a group. */
  rule: string;
  /** A rule sync that has ended. */
  sync: string;
  /** A user with access. */
  user: string;
  /** A user whose directory is deleted. */
  detached: string;
  /** A group with members. */
  group: string;
}

export const noAccess: AccessPlaces = { rule: "", sync: "", user: "", detached: "", group: "" };

const base = (organization: string) => `organizations/${organization}`;

const filterRule = (organization: string, displayName: string, filter: string, roleId = "developer") =>
  rest("POST", `${base(organization)}/rules`, {
    displayName,
    filter: { filter },
    grants: [{ tenantId: "production", roleId }],
  });

/** What an organization has after some weeks. The directory has sent users and groups; the other one is deleted. */
export async function usualAccess(
  organization: string,
  directory: Directory,
  deleteOther: (fill: (other: Directory) => Promise<string>) => Promise<string>,
): Promise<AccessPlaces> {
  const dana = user("dana@example.com", {
    externalId: "dana",
    displayName: "Dana Dean",
    userType: "Employee",
    roles: [{ value: "Approver" }],
    emails: [{ value: "dana@example.com", primary: true }],
  });
  const id = await create(directory, "/Users", dana);
  const leads = await create(directory, "/Groups", group("Design leads", [id]));
  const studio = await create(directory, "/Groups", group("Design studio", [leads]));
  await create(directory, "/Groups", group("Everybody", [studio]));
  const rule = await newRule(organization, "Design studio", "designer");
  await newRule(organization, "Auditors", "participant"); // nobody has sent this group
  await newRule(organization, "Design studio", "designer"); // the same as the first one
  await filterRule(organization, "Employees", 'userType eq "Employee"');
  const values = await rest("POST", `${base(organization)}/rules`, {
    displayName: "Approvers",
    roleValue: { value: "Approver" },
    grants: [{ tenantId: "production", roleId: "automation-admin" }],
    enabled: false,
  });
  await rest("POST", `${base(organization)}/access:grant`, { userId: id, roleId: "organization-admin", keep: true });
  const detached = await deleteOther((other) =>
    create(other, "/Users", user("former@example.com", { externalId: "former", displayName: "Fay Former" })),
  );
  await caughtUp(organization);
  const sync = await syncRules(organization);
  await rest("POST", `${base(organization)}/rules/${values.rule.id}:enable`, {});
  return { rule, sync, user: id, detached, group: studio };
}

const words = [
  "Sales",
  "Engineering",
  "مبيعات",
  "Personalverwaltungsabteilungsleitung",
  "הנהלה",
  "Support and service",
];

/** More than organizations have: 200 rules, 5,000 groups, a user in 300 groups, a group of 2,000 users. */
export async function excessiveAccess(
  organization: string,
  directory: Directory,
  deleteOther: (fill: (other: Directory) => Promise<string>) => Promise<string>,
): Promise<AccessPlaces> {
  await rest("POST", `${base(organization)}/tenants`, { id: "production", displayName: "Production" });
  for (let n = 0; n < 30; n++) {
    const displayName = `${words[n % words.length]}, the tenant number ${n} of the subsidiary`.slice(0, 200);
    await rest("POST", `${base(organization)}/tenants`, { id: `tenant-${n}`, displayName });
  }
  const name = "دانا a.person.with.a.very.long.name.".repeat(4);
  const id = await create(directory, "/Users", user(name, { externalId: "dana", displayName: `${name} Dean` }));
  const users: string[] = [];
  await each(Array.from({ length: 2_000 }), 8, async (_, n) => {
    const value = user(`member-${n}@example.com`, {
      externalId: `m${n}`,
      displayName: `Member ${n}`,
      active: n % 9 > 0,
    });
    users.push(await create(directory, "/Users", { ...value, roles: [{ value: `${words[n % 6]} ${n % 300}` }] }));
  });
  const groups: string[] = [];
  await each(Array.from({ length: 5_000 }), 8, async (_, n) => {
    const displayName = `${words[n % words.length]} ${n} ${"of the whole company ".repeat(n % 5)}`.trim();
    groups.push(await create(directory, "/Groups", group(displayName, n < 290 ? [id] : [])));
  });
  const all = await create(directory, "/Groups", group(`All of ${words[3]} ${words[2]}`, [...users, id]));
  // A chain of groups above a group of the user.
  let inner = groups[0] ?? "";
  for (let n = 0; n < 9; n++) {
    inner = await create(directory, "/Groups", group(`Level ${n} above ${words[n % words.length]}`, [inner]));
  }
  const everyTenant = Array.from({ length: 30 }, (_, n) => ({ tenantId: `tenant-${n}`, roleId: "designer" }));
  const made = await rest("POST", `${base(organization)}/rules`, {
    displayName: `Everybody in ${words.join(", ")} gets everything, as the contract of last year says`.slice(0, 200),
    group: { displayName: `All of ${words[3]} ${words[2]}` },
    grants: everyTenant,
  });
  for (let n = 1; n < 199; n++) {
    const displayName = `${words[n % words.length]} ${n} ${"of the whole company ".repeat(n % 5)}`.trim();
    if (n % 10 === 0) {
      await filterRule(organization, `Filter ${n}`, `${'userName sw "member" and '.repeat(20)}active eq true`);
    } else {
      await newRule(organization, n % 7 === 0 ? `Missing ${displayName}` : displayName, "developer");
    }
  }
  await newRule(organization, `Level 8 above ${words[2]}`, "participant");
  const detached = await deleteOther((other) =>
    create(other, "/Users", user(`${name}former`, { externalId: "former" })),
  );
  await caughtUp(organization);
  const sync = await syncRules(organization);
  await message(directory, "PATCH", `/Users/${users[0]}`, {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    Operations: [{ op: "replace", path: "active", value: false }],
  });
  return { rule: made.rule.id, sync, user: id, detached, group: all };
}
