import { Alert, Anchor, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import { Link } from "react-router";
import type { Catalogue, Grant } from "../../api/catalogue";
import { answer, api, type Schemas } from "../../api/client";
import { sometimes, useLive } from "../../api/live";
import { useMay } from "../../api/session";
import { DataTable } from "../../parts/DataTable";
import { Label, type Tone } from "../../parts/Label";
import { Failure, Loading } from "../../parts/States";
import { paths } from "../../paths";
import { text } from "../../text";
import { GrantFields } from "../rules/RuleForm";
import { SimilarGroups } from "../rules/SimilarGroups";
import { chosenProvider } from "../setup/chosenProvider";
import { RuleName } from "./RuleName";
import { type Answer, answerOf } from "./reason";
import { SuspendedBy } from "./Suspended";

interface Props {
  organization: string;
  id: string;
  /** The id of the user's directory. */
  directory: string;
  catalogue: Catalogue;
}

/** Why a user does not have a role: what each rule that gives it says. */
export function Why({ organization, id, directory, catalogue }: Props) {
  const words = text.users;
  const mayManage = useMay("MANAGE_RULES");
  const [grant, setGrant] = useState<Grant>({ tenantId: "", roleId: "" });
  const { data, error, isPending } = useLive(
    ["explanation", organization, id, grant],
    () =>
      answer(
        api.GET("/api/v1/organizations/{organizationId}/users/{userId}/access:explain", {
          params: {
            path: { organizationId: organization, userId: id },
            query: { roleId: grant.roleId, ...(grant.tenantId && { tenantId: grant.tenantId }) },
          },
        }),
      ),
    sometimes,
    grant.roleId !== "",
  );
  return (
    <Stack gap="sm" component="section" aria-label={words.whyTitle}>
      <Title order={2}>{words.whyTitle}</Title>
      <Text>{words.whyText}</Text>
      <Stack maw="40rem">
        <GrantFields catalogue={catalogue} grant={grant} onChange={setGrant} />
      </Stack>
      {!grant.roleId && <Text c="dimmed">{words.whyChoose}</Text>}
      {error && <Failure error={error} />}
      {grant.roleId && isPending && !error && <Loading lines={2} />}
      {grant.roleId && data?.rules.length === 0 && (
        <Text>
          {words.whyNoRule}{" "}
          {mayManage && (
            <Anchor component={Link} underline="always" to={paths.newRule(organization)}>
              {words.whyAddRule}
            </Anchor>
          )}
        </Text>
      )}
      {grant.roleId && data?.suspension && (
        <Alert color="red" title={words.whySuspended}>
          <SuspendedBy suspension={data.suspension} />
        </Alert>
      )}
      {grant.roleId && data && data.rules.length > 0 && (
        <DataTable
          caption={words.whyCaption}
          columns={words.whyColumns}
          rows={data.rules.map((rule) => ({
            key: `${rule.ruleId} ${rule.finding}`,
            cells: [
              <RuleName key="rule" organization={organization} id={rule.ruleId} name={rule.displayName} />,
              <Gives key="answer" answer={answerOf(rule.finding)} suspended={Boolean(data.suspension)} />,
              <Finding
                key="why"
                organization={organization}
                user={id}
                directory={directory}
                rule={rule}
                detached={data.detached}
              />,
            ],
          }))}
        />
      )}
    </Stack>
  );
}

const tones: Record<Answer, Tone> = { yes: "good", notYet: "warn", still: "warn", no: "bad", unknown: "quiet" };

/** Whether a rule gives a role. What it gives to somebody whose access is suspended does not count. */
function Gives({ answer: gives, suspended }: { answer: Answer; suspended: boolean }) {
  const words = text.users;
  return gives === "yes" && suspended ? (
    <Label tone="bad">{words.yesSuspended}</Label>
  ) : (
    <Label tone={tones[gives]}>{words.answers[gives]}</Label>
  );
}

interface FindingProps {
  organization: string;
  user: string;
  directory: string;
  rule: Schemas["RuleExplanation"];
  detached: boolean;
}

/** Why a rule gives a role or not, and where to change that. */
function Finding({ organization, user, directory, rule, detached }: FindingProps) {
  const words = text.users;
  const mayManage = useMay("MANAGE_RULES");
  const mayReadSyncs = useMay("READ_ACCESS", "MANAGE_RULES");
  const what = rule.groupName || rule.roleValue || rule.filter;
  const still = rule.finding === "FINDING_STILL_GIVES";
  return (
    <Stack gap={4}>
      <Text size="sm">
        {still && detached
          ? words.stillDetached
          : still && !rule.displayName
            ? words.stillDeleted
            : (words.why[rule.finding]?.(what) ?? words.whyUnknown)}{" "}
        {rule.finding === "FINDING_NO_GROUP" && text.rules.sendGroup(chosenProvider(directory))}
      </Text>
      {rule.finding === "FINDING_NO_GROUP" && (
        <SimilarGroups
          organization={organization}
          name={rule.groupName}
          directory={directory}
          user={user}
          form={mayManage ? (group) => paths.rule(organization, rule.ruleId, group) : undefined}
        />
      )}
      {rule.finding === "FINDING_WAITS_FOR_SYNC" && mayReadSyncs && (
        <Anchor component={Link} to={paths.syncs(organization)} size="sm">
          {text.rules.sync}
        </Anchor>
      )}
      {rule.finding === "FINDING_NOT_IN_GROUP" && rule.groupId && (
        <Anchor component={Link} to={paths.group(organization, rule.groupId)} size="sm">
          {words.openGroup}
        </Anchor>
      )}
    </Stack>
  );
}
