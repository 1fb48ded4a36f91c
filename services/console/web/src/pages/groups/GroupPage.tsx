import { Anchor, Button, Code, Stack, Text, Title } from "@mantine/core";
import { Link, useParams } from "react-router";
import { useCatalogue } from "../../api/catalogue";
import { answer, api, type Schemas } from "../../api/client";
import { useDirectoryNames } from "../../api/directories";
import { useGroupsAbove } from "../../api/groupsAbove";
import { sometimes, useLive, useLivePages } from "../../api/live";
import { type Rule, useRules } from "../../api/rules";
import { useMay } from "../../api/session";
import { DataTable } from "../../parts/DataTable";
import { Facts } from "../../parts/Facts";
import { Label } from "../../parts/Label";
import { More } from "../../parts/More";
import { Page } from "../../parts/Page";
import { Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";
import { Grants } from "../rules/Grants";
import { firstOf } from "../rules/match";

const groupPath = "/api/v1/organizations/{organizationId}/groups/{groupId}";

/** One group: its size, its members, the groups around it, and the rules that use it. */
export function GroupPage() {
  const words = text.groups;
  const { organization = "", group: id = "" } = useParams();
  const path = { organizationId: organization, groupId: id };
  const { data, error, refetch } = useLive(
    ["group", organization, id],
    () => answer(api.GET(groupPath, { params: { path } })),
    sometimes,
  );
  const directories = useDirectoryNames(organization);
  const group = data?.group;
  if (!data || !group) {
    return error ? (
      <Page title={words.title} above={[{ title: words.title, to: paths.groups(organization) }]}>
        <Failure error={error} retry={() => void refetch()} />
      </Page>
    ) : (
      <Loading />
    );
  }
  return (
    <Page
      key={id}
      title={group.displayName}
      situation={group.detached ? words.situationDetached : sizeOf(data)}
      above={[{ title: words.title, to: paths.groups(organization) }]}
    >
      <Facts
        facts={[
          [words.facts.directory, <bdi key="directory">{directories.get(group.directoryId) ?? group.directoryId}</bdi>],
          [words.facts.externalId, group.externalId && <bdi>{group.externalId}</bdi>],
          [words.facts.id, <Code key="id">{group.id}</Code>],
          [words.facts.create, <Time key="create" value={data.createTime} />],
          [words.facts.update, <Time key="update" value={data.updateTime} />],
        ]}
      />
      <Rules organization={organization} id={id} />
      <Members organization={organization} id={id} />
      <Nested organization={organization} id={id} nesting="NESTING_MEMBERS" />
      <Nested organization={organization} id={id} nesting="NESTING_CONTAINERS" />
    </Page>
  );
}

function sizeOf({ directUsers, allUsers }: Schemas["GetGroupResponse"]): string {
  const words = text.groups;
  const inWords = (users: Schemas["UserCount"] | null) => words.userCount(users?.count ?? 0, users?.atLeast ?? false);
  return words.situationOf(inWords(directUsers), inWords(allUsers), allUsers?.count !== directUsers?.count);
}

function Rules({ organization, id }: { organization: string; id: string }) {
  const words = text.groups;
  const mayManage = useMay("MANAGE_RULES");
  const { rules } = useRules(organization, useMay("READ_ACCESS", "MANAGE_RULES"));
  const above = useGroupsAbove(organization, id, rules !== undefined);
  if (!rules) {
    return null;
  }
  const using = (group: string) =>
    rules.filter((rule) => rule.group?.pins.some((pin) => pin.groupId === group && pin.state === "PIN_STATE_PINNED"));
  const direct = using(id);
  const through = above.data?.groups.filter((group) => using(group.id).length > 0) ?? [];
  return (
    <Stack gap="sm" align="flex-start">
      <Title order={2}>{words.rulesTitle}</Title>
      {direct.length === 0 && <Text>{words.rulesNone}</Text>}
      {direct.length > 0 && <Using organization={organization} caption={words.rulesCaption} rules={direct} />}
      {above.error && <Failure error={above.error} retry={() => void above.refetch()} />}
      {through.slice(0, shownAbove).map((group) => (
        <Stack key={group.id} gap="xs" align="flex-start" w="100%">
          <Text>
            {words.through}{" "}
            <Anchor component={Link} to={paths.group(organization, group.id)} underline="always">
              <bdi>{group.displayName}</bdi>
            </Anchor>
            {words.throughWhich}
          </Text>
          <Using
            organization={organization}
            caption={words.throughCaption(group.displayName)}
            rules={using(group.id)}
          />
        </Stack>
      ))}
      {(through.length > shownAbove || above.data?.more) && <Text size="sm">{words.throughMore}</Text>}
      {mayManage && (
        <Button variant="default" component={Link} to={paths.newRule(organization)}>
          {words.addRule}
        </Button>
      )}
    </Stack>
  );
}

/** How many groups above this one appear with their rules. */
const shownAbove = 10;

/** How many rules of one group appear. */
const shownRules = 50;

function Using({ organization, caption, rules }: { organization: string; caption: string; rules: Rule[] }) {
  const words = text.groups;
  const catalogue = useCatalogue(organization);
  const { shown, more } = firstOf(rules, shownRules);
  return (
    <>
      <DataTable
        caption={caption}
        columns={words.rulesColumns}
        rows={shown.map((rule) => ({
          key: rule.id,
          cells: [
            <Stack key="rule" gap={4} align="flex-start">
              <Anchor component={Link} to={paths.rule(organization, rule.id)}>
                <bdi>{rule.displayName}</bdi>
              </Anchor>
              {!rule.enabled && <Label tone="quiet">{text.rules.disabled}</Label>}
            </Stack>,
            <Grants key="gives" rule={rule} catalogue={catalogue} />,
          ],
        }))}
      />
      {more && (
        <Text size="xs" c="dimmed">
          {more}
        </Text>
      )}
    </>
  );
}

function Members({ organization, id }: { organization: string; id: string }) {
  const words = text.groups;
  const list = useLivePages(
    ["members", organization, id],
    (pageToken) =>
      answer(
        api.GET(`${groupPath}/members`, {
          params: {
            path: { organizationId: organization, groupId: id },
            query: { pageSize: 100, pageToken, names: true },
          },
        }),
      ),
    4 * sometimes,
    (pages) => pages <= 1,
  );
  const all = list.data?.pages.flatMap((page) => page.members) ?? [];
  return (
    <Stack gap="sm">
      <Title order={2}>{words.membersTitle}</Title>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && !list.error && <Loading lines={2} />}
      {list.data && all.length === 0 && <Text>{words.membersNone}</Text>}
      {all.length > 0 && (
        <DataTable
          caption={words.membersCaption}
          columns={words.membersColumns}
          rows={all.map((member) => ({
            key: member.id,
            cells: [
              <Anchor
                key="name"
                component={Link}
                to={
                  member.type === "RESOURCE_TYPE_GROUP"
                    ? paths.group(organization, member.id)
                    : paths.user(organization, member.id)
                }
              >
                <bdi>{member.name || member.id}</bdi>
              </Anchor>,
              <bdi key="displayName">{member.displayName}</bdi>,
              <Stack key="kind" gap={4} align="flex-start">
                {words.kinds[member.type] ?? member.type}
                {member.inactive && <Label tone="quiet">{words.inactive}</Label>}
                {member.carried && <Label tone="warn">{words.carried}</Label>}
              </Stack>,
            ],
          }))}
        />
      )}
      <More list={list} />
    </Stack>
  );
}

interface NestedProps {
  organization: string;
  id: string;
  nesting: "NESTING_MEMBERS" | "NESTING_CONTAINERS";
}

/** The groups in a group, or those that contain it. Without any, nothing appears. */
function Nested({ organization, id, nesting }: NestedProps) {
  const words = text.groups;
  const list = useLivePages(
    ["nested", organization, id, nesting],
    (pageToken) =>
      answer(
        api.GET(`${groupPath}/nestedGroups`, {
          params: {
            path: { organizationId: organization, groupId: id },
            query: { nesting, pageSize: 100, pageToken },
          },
        }),
      ),
    4 * sometimes,
    (pages) => pages <= 1,
  );
  const all = list.data?.pages.flatMap((page) => page.groups) ?? [];
  const inside = nesting === "NESTING_MEMBERS";
  if (list.error) {
    return <Failure error={list.error} retry={() => void list.refetch()} />;
  }
  if (all.length === 0) {
    return null;
  }
  return (
    <Stack gap="sm">
      <Title order={2}>{inside ? words.nestedTitle : words.containersTitle}</Title>
      <Text>{inside ? words.nestedText : words.containersText}</Text>
      <Stack component="ul" gap={2} my={0} ps="md">
        {all.map((group) => (
          <li key={group.id}>
            <Anchor component={Link} to={paths.group(organization, group.id)}>
              <bdi>{group.displayName}</bdi>
            </Anchor>
          </li>
        ))}
      </Stack>
      <More list={list} />
    </Stack>
  );
}
