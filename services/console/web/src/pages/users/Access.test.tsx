import { expect, test } from "vitest";
import type { Schemas } from "../../api/client";
import { says, show, shown } from "../../test/page";
import { serve } from "../../test/server";
import { Access } from "./Access";

const user: Schemas["User"] = {
  organizationId: "acme",
  id: "u",
  directoryId: "d",
  userName: "ann",
  displayName: "Ann",
  email: "",
  externalId: "",
  active: true,
  detached: false,
  roleValues: [],
  groupIds: [],
  revision: "1",
  updateTime: "",
};

function held(source: Partial<Schemas["Source"]>): Schemas["Access"] {
  return {
    organizationId: "acme",
    userId: "u",
    tenantId: "production",
    roleId: "designer",
    effective: true,
    unknown: false,
    suspended: false,
    kept: false,
    sources: [
      {
        kind: "SOURCE_KIND_RULE",
        ruleId: "1",
        grantedBy: "",
        createTime: "",
        retained: false,
        keep: false,
        keptTime: null,
        ...source,
      },
    ],
  };
}

const rule: Schemas["RuleExplanation"] = {
  ruleId: "1",
  displayName: "Designers",
  finding: "FINDING_GIVES",
  grants: [{ tenantId: "production", roleId: "designer" }],
  groupId: "g",
  groupName: "Design",
  through: [],
  roleValue: "",
  filter: "",
};

function explanation(...rules: Schemas["RuleExplanation"][]): Schemas["ExplainAccessResponse"] {
  return { active: true, detached: false, suspension: null, setAsideDetail: "", rules, asOfTime: "" };
}

const linksToRules = () => document.querySelectorAll('a[href*="/rules/1"]').length;

test("a rule that gives access is named with what matches", async () => {
  show(<Access user={user} access={[held({})]} explanation={explanation(rule)} failed={false} />);
  await says("Rule Designers, because of the group Design");
  expect(linksToRules()).toBe(1);
});

test("a deleted rule has no link, and the page says when the access ends", async () => {
  const deleted = explanation({ ...rule, displayName: "", groupName: "", groupId: "", finding: "FINDING_STILL_GIVES" });
  show(<Access user={user} access={[held({})]} explanation={deleted} failed={false} />);
  await says("A deleted rule, which gave it: it stays until the next message");
  expect(linksToRules()).toBe(0);
});

test("a finding that the console does not know is no reason", async () => {
  const later = explanation({ ...rule, finding: "FINDING_OF_A_LATER_VERSION" as Schemas["Finding"] });
  show(<Access user={user} access={[held({})]} explanation={later} failed={false} />);
  await says("Rule Designers, for a reason that is not known now");
  expect(shown()).not.toContain("because of the group");
});

test("a rule keeps its name while there is no explanation", async () => {
  serve({ "GET rules": { rules: [{ id: "1", displayName: "Designers", grants: [] }], nextPageToken: "" } });
  show(<Access user={user} access={[held({})]} explanation={undefined} failed />);
  await says("Rule Designers, and the reason could not be loaded");
});

test("a filter that the reader may not read is no empty text", async () => {
  show(
    <Access
      user={user}
      access={[held({})]}
      explanation={explanation({ ...rule, groupId: "", groupName: "" })}
      failed={false}
    />,
  );
  await says("because a filter matches, which you may not read");
});
