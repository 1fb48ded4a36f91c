import { expect, test } from "vitest";
import { missingDefaults } from "./rules";

const rule = (displayName: string, roleId: string) => ({
  group: { displayName, pins: [] },
  grants: [{ tenantId: "t", roleId }],
});

test("default rules are missing only while an organization has no others", () => {
  expect(missingDefaults([])).toHaveLength(5);
  const two = [rule("participants", "participant"), rule("Designers", "designer")];
  expect(missingDefaults(two).map(({ group }) => group)).toEqual(["Developers", "Automation Admins", "Administrators"]);
  expect(missingDefaults([...two, rule("Auditors", "participant")])).toEqual([]);
  expect(missingDefaults([...two, rule("Developers", "designer")])).toEqual([]);
});
