import { Anchor, Button, Group, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import { useCatalogue } from "../../api/catalogue";
import type { Schemas } from "../../api/client";
import { useMay } from "../../api/session";
import { DataTable } from "../../parts/DataTable";
import { Label } from "../../parts/Label";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";
import { nameOfPrincipal } from "../../text/shell";
import { GrantDialog, RevokeDialog } from "./byHand";
import { explanationOf } from "./explanationOf";
import { Why } from "./Why";

type Held = Schemas["Access"];
type Explanation = Schemas["ExplainAccessResponse"];

interface Props {
  user: Schemas["User"];
  access: Held[];
  explanation: Explanation | undefined;
}

/** What a user holds, and why; and why the user does not hold another role. */
export function Access({ user, access, explanation }: Props) {
  const words = text.users;
  const { organizationId, id } = user;
  const catalogue = useCatalogue(organizationId);
  const mayGrant = useMay("GRANT_ACCESS");
  const [granting, setGranting] = useState(false);
  const [revoking, setRevoking] = useState<Held>();
  const changeable = mayGrant && access.some((held) => revocable(held, user));
  return (
    <Stack gap="xl">
      {explanation?.setAsideDetail && <Text>{explanation.setAsideDetail}</Text>}
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2}>{words.accessTitle}</Title>
          {mayGrant && (
            <Button variant="default" onClick={() => setGranting(true)}>
              {words.grant}
            </Button>
          )}
        </Group>
        {access.length === 0 && <Text>{words.accessNone}</Text>}
        {access.length > 0 && (
          <DataTable
            caption={words.accessCaption}
            columns={changeable ? words.accessColumns : withoutAction}
            minWidth="44rem"
            rows={access.map((held) => ({
              key: `${held.tenantId} ${held.roleId}`,
              cells: [
                <Text key="access" inherit fw={600}>
                  {catalogue.inWords(held)}
                </Text>,
                <Label key="counts" tone={held.effective ? "good" : "quiet"}>
                  {held.kept ? words.countsKept : held.effective ? words.counts : words.countsNot}
                </Label>,
                <Reasons key="why" held={held} explanation={explanation} />,
                ...(changeable
                  ? [
                      revocable(held, user) && (
                        <Button
                          key="revoke"
                          size="xs"
                          variant="default"
                          aria-label={words.revokeName(catalogue.inWords(held))}
                          onClick={() => setRevoking(held)}
                        >
                          {words.revoke}
                        </Button>
                      ),
                    ]
                  : []),
              ],
            }))}
          />
        )}
      </Stack>
      <Why organization={organizationId} id={id} catalogue={catalogue} />
      {granting && <GrantDialog user={user} catalogue={catalogue} onClose={() => setGranting(false)} />}
      {revoking && (
        <RevokeDialog
          user={user}
          held={revoking}
          name={catalogue.inWords(revoking)}
          onClose={() => setRevoking(undefined)}
        />
      )}
    </Stack>
  );
}

const { action: _, ...withoutAction } = text.users.accessColumns;

/** Reports whether somebody can revoke access: what was granted by hand, and everything of a detached user. */
function revocable(held: Held, user: Schemas["User"]): boolean {
  return user.detached || held.sources.some((source) => source.kind === "SOURCE_KIND_MANUAL");
}

/** How many reasons for one access appear at first. */
const reasonsShown = 5;

interface ReasonsProps {
  held: Held;
  explanation: Explanation | undefined;
}

/** Why a user holds something. Any number of rules can give the same. */
function Reasons({ held, explanation }: ReasonsProps) {
  const [all, setAll] = useState(false);
  const shown = all ? held.sources : held.sources.slice(0, reasonsShown);
  return (
    <Stack gap={4} align="flex-start">
      {shown.map((source) => (
        <Reason
          key={`${source.kind} ${source.ruleId}`}
          organization={held.organizationId}
          source={source}
          rule={explanationOf(explanation, source, held)}
          detached={explanation?.detached ?? false}
        />
      ))}
      {shown.length < held.sources.length && (
        <Button size="compact-xs" variant="default" onClick={() => setAll(true)}>
          {text.users.moreReasons(held.sources.length - shown.length)}
        </Button>
      )}
    </Stack>
  );
}

interface ReasonProps {
  organization: string;
  source: Schemas["Source"];
  rule: Schemas["RuleExplanation"] | undefined;
  detached: boolean;
}

/** One reason for access, in words. */
function Reason({ organization, source, rule, detached }: ReasonProps) {
  const words = text.users.reason;
  const since = (
    <Text span size="xs" c="dimmed" component="span">
      {words.since} <Time value={source.createTime} as="day" />
    </Text>
  );
  if (source.kind === "SOURCE_KIND_MANUAL") {
    return (
      <Text size="sm" component="div">
        {words.manual(nameOfPrincipal(source.grantedBy))}
        {source.keep && `, ${words.keep}`} {since}
      </Text>
    );
  }
  if (!rule) {
    return (
      <Text size="sm" component="div">
        {words.rule}: {words.deleted} {since}
      </Text>
    );
  }
  return (
    <Text size="sm" component="div">
      {words.rule}{" "}
      <Anchor component={Link} to={paths.rule(organization, rule.ruleId)} inherit underline="always">
        <bdi>{rule.displayName}</bdi>
      </Anchor>
      {", "}
      <Because organization={organization} source={source} rule={rule} detached={detached} /> {since}
    </Text>
  );
}

function Because({
  organization,
  source,
  rule,
  detached,
}: ReasonProps & { rule: Schemas["RuleExplanation"] }): ReactNode {
  const words = text.users.reason;
  if (source.retained) {
    return words.retained;
  }
  if (rule.finding === "FINDING_STILL_GIVES") {
    return detached ? words.detached : words.still;
  }
  if (rule.groupId) {
    return (
      <>
        <Anchor component={Link} to={paths.group(organization, rule.groupId)} inherit underline="always">
          {words.group(rule.groupName)}
        </Anchor>
        {rule.through.length > 0 &&
          `, ${words.through(rule.through.map((step) => step.displayName).join(text.users.arrow))}`}
      </>
    );
  }
  return rule.roleValue ? words.roleValue(rule.roleValue) : words.filter(rule.filter);
}
