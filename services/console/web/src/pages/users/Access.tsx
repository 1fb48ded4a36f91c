import { Anchor, Button, Group, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import { useCatalogue } from "../../api/catalogue";
import type { Schemas } from "../../api/client";
import { useRules } from "../../api/rules";
import { useMay, useSession } from "../../api/session";
import { DataTable } from "../../parts/DataTable";
import { Label } from "../../parts/Label";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";
import { nameOfPrincipal } from "../../text/shell";
import { GrantDialog, RevokeDialog } from "./byHand";
import { RuleName } from "./RuleName";
import { type Explained, type Reason, reasonOf } from "./reason";
import { revocable } from "./revocable";
import { Why } from "./Why";

type Held = Schemas["Access"];
type Explanation = Schemas["ExplainAccessResponse"];

interface Props {
  user: Schemas["User"];
  access: Held[];
  /** Reads more of the access, if there is more. */
  more?: ReactNode;
  explanation: Explanation | undefined;
  /** Whether the explanation could not be read. */
  failed: boolean;
}

/** What a user holds, and why; and why the user does not hold another role. */
export function Access({ user, access, more, explanation, failed }: Props) {
  const words = text.users;
  const { organizationId, id } = user;
  const catalogue = useCatalogue(organizationId);
  const mayGrant = useMay("GRANT_ACCESS");
  const mayReadRules = useMay("READ_ACCESS", "MANAGE_RULES");
  const { rules } = useRules(organizationId, mayReadRules && failed && !explanation);
  const explained: Explained = { explanation, failed, rules };
  const operator = useSession().kind === "PRINCIPAL_KIND_OPERATOR";
  const who = { detached: user.detached, operator };
  const [granting, setGranting] = useState(false);
  const [revoking, setRevoking] = useState<Held>();
  const changeable = mayGrant && access.some((held) => revocable(held, who));
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
                <Reasons key="why" held={held} explained={explained} />,
                ...(changeable
                  ? [
                      revocable(held, who) && (
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
        {more}
      </Stack>
      <Why organization={organizationId} id={id} directory={user.directoryId} catalogue={catalogue} />
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

/** How many reasons for one access appear at first. */
const reasonsShown = 5;

interface ReasonsProps {
  held: Held;
  explained: Explained;
}

/** Why a user holds something. Any number of rules can give the same. */
function Reasons({ held, explained }: ReasonsProps) {
  const [all, setAll] = useState(false);
  const shown = all ? held.sources : held.sources.slice(0, reasonsShown);
  return (
    <Stack gap={4} align="flex-start">
      {shown.map((source) => (
        <Text key={`${source.kind} ${source.ruleId}`} size="sm" component="div">
          {source.kind === "SOURCE_KIND_MANUAL" ? (
            <ByHand source={source} />
          ) : (
            <ByRule organization={held.organizationId} reason={reasonOf(explained, source, held)} id={source.ruleId} />
          )}{" "}
          <Text span size="xs" c="dimmed" component="span">
            {text.users.reason.since} <Time value={source.createTime} />
          </Text>
        </Text>
      ))}
      {shown.length < held.sources.length && (
        <Button size="compact-xs" variant="default" onClick={() => setAll(true)}>
          {text.users.moreReasons(held.sources.length - shown.length)}
        </Button>
      )}
    </Stack>
  );
}

function ByHand({ source }: { source: Schemas["Source"] }) {
  const words = text.users.reason;
  return (
    <>
      {words.manual(nameOfPrincipal(source.grantedBy))}
      {source.keep && `, ${words.keep}`}
    </>
  );
}

interface ByRuleProps {
  organization: string;
  /** The id of the rule. */
  id: string;
  reason: Reason;
}

function ByRule({ organization, id, reason }: ByRuleProps) {
  const words = text.users.reason;
  const { name, because, rule } = reason;
  return (
    <>
      {name && `${words.rule} `}
      {name === undefined ? words.aRule : <RuleName organization={organization} id={id} name={name ?? ""} />}
      {", "}
      {because === "matches" && rule ? <Matches organization={organization} rule={rule} /> : words.because[because]}
    </>
  );
}

/** How a rule matches the user. */
function Matches({ organization, rule }: { organization: string; rule: Schemas["RuleExplanation"] }) {
  const words = text.users.reason;
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
  if (rule.groupName) {
    return words.group(rule.groupName);
  }
  if (rule.roleValue) {
    return words.roleValue(rule.roleValue);
  }
  return rule.filter ? words.filter(rule.filter) : words.filterHidden;
}
