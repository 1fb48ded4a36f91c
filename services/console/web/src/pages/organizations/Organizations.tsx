import { Anchor, Button, Code, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { sometimes, useLivePages } from "../../api/live";
import { newRequestId } from "../../api/requestId";
import { useMay, useSession } from "../../api/session";
import { DataTable } from "../../parts/DataTable";
import { FormDialog } from "../../parts/FormDialog";
import { Label } from "../../parts/Label";
import { More } from "../../parts/More";
import { Page } from "../../parts/Page";
import { Empty, Failure, Loading } from "../../parts/States";
import { paths } from "../../paths";
import { text } from "../../text";
import { age } from "../../text/durations";

type Organization = Schemas["Organization"];

/** What the services know about an organization. Each part is undefined if it is not known now. */
interface Known {
  counts: Schemas["ResourceCounts"] | undefined;
  status: Schemas["OrganizationAccessStatus"] | undefined;
}

const key = ["organizations"];

/** Reads a page of organizations, with what the services know about them. */
async function read(pageToken: string) {
  const page = await answer(api.GET("/api/v1/organizations", { params: { query: { pageSize: 50, pageToken } } }));
  const organizationIds = page.organizations.map(({ id }) => id);
  if (organizationIds.length === 0) {
    return { ...page, known: new Map<string, Known>() };
  }
  const [counts, statuses] = await Promise.all([
    answer(api.POST("/api/v1/organizations:countResources", { body: { organizationIds } })).catch(() => undefined),
    answer(api.POST("/api/v1/organizations:accessStatus", { body: { organizationIds } })).catch(() => undefined),
  ]);
  const known = new Map<string, Known>(
    organizationIds.map((id) => [
      id,
      {
        counts: counts?.counts.find((one) => one.organizationId === id),
        status: statuses?.statuses.find((one) => one.organizationId === id),
      },
    ]),
  );
  return { ...page, known };
}

/** The operator's first page: all organizations, and how each is. */
export function Organizations() {
  const words = text.organizations;
  const session = useSession();
  const mayManage = useMay("MANAGE_ORGANIZATIONS");
  const [creating, setCreating] = useState(false);
  const list = useLivePages(key, read, 2 * sometimes, (pages) => pages <= 1);
  const rows = list.data?.pages.flatMap((page) =>
    page.organizations.map((organization) => ({ organization, known: page.known.get(organization.id) })),
  );
  const troubled = (rows ?? []).filter(
    ({ organization, known }) => organization.eraseTime !== null || Number(known?.status?.setAsideCount ?? 0) > 0,
  ).length;
  const create = mayManage && (
    <Button variant={rows?.length === 0 ? "filled" : "default"} onClick={() => setCreating(true)}>
      {words.create}
    </Button>
  );
  return (
    <Page
      title={words.title}
      situation={rows && words.situation(rows.length, list.hasNextPage, troubled)}
      action={rows && rows.length > 0 && create}
    >
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && !list.error && <Loading />}
      {rows?.length === 0 && (
        <Empty title={words.emptyTitle} action={create}>
          {words.empty}
        </Empty>
      )}
      {rows && rows.length > 0 && (
        <DataTable
          caption={words.caption}
          columns={words.columns}
          rows={rows.map(({ organization, known }) => ({
            key: organization.id,
            cells: [
              <Name key="name" organization={organization} />,
              <State key="state" organization={organization} />,
              known?.counts ? words.size(Number(known.counts.users), Number(known.counts.groups)) : words.unknown,
              <Access key="access" organization={organization.id} status={known?.status} />,
            ],
          }))}
        />
      )}
      <More list={list} />
      {session.version && (
        <Text size="sm" c="dimmed">
          {words.version} <Code>{session.version}</Code>
        </Text>
      )}
      {creating && <Create onClose={() => setCreating(false)} />}
    </Page>
  );
}

function Name({ organization }: { organization: Organization }) {
  const words = text.organizations;
  const name = organization.displayName || organization.id;
  return (
    <Stack gap={0}>
      <Anchor component={Link} to={paths.overview(organization.id)}>
        <bdi>{name}</bdi>
      </Anchor>
      <Text size="xs" c="dimmed">
        {organization.id} ·{" "}
        <Anchor
          component={Link}
          to={paths.settings(organization.id)}
          size="xs"
          underline="always"
          aria-label={words.settingsOf(name)}
        >
          {words.settings}
        </Anchor>
      </Text>
    </Stack>
  );
}

function State({ organization }: { organization: Organization }) {
  const words = text.organizations;
  if (organization.eraseTime) {
    return <Label tone="bad">{words.erasing}</Label>;
  }
  return organization.federated ? (
    <Label tone="good">{words.federated}</Label>
  ) : (
    <Label tone="quiet">{words.notFederated}</Label>
  );
}

/** How current the access of an organization is, and what waits. */
function Access({ organization, status }: { organization: string; status: Known["status"] }) {
  const words = text.organizations;
  if (!status) {
    return words.unknown;
  }
  const behind = age(status.oldestChangeAge, "");
  const waiting = status.rulesWaitingCount;
  const setAside = Number(status.setAsideCount);
  const rest = [
    behind ? words.behind(behind) : words.current,
    ...(waiting > 0 ? [words.waiting(waiting)] : []),
    ...(status.syncRunning ? [words.syncing] : []),
  ];
  return (
    <Text size="sm" component="div">
      {setAside > 0 && (
        <Anchor
          component={Link}
          to={paths.settings(organization, "setAside")}
          style={{ color: "var(--usher-bad)" }}
          underline="always"
          display="block"
          inherit
        >
          {words.setAside(setAside)}
        </Anchor>
      )}
      {rest.join(" · ")}
    </Text>
  );
}

function Create({ onClose }: { onClose: () => void }) {
  const words = text.organizations;
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [id, setId] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [federated, setFederated] = useState(true);
  const [requestId] = useState(newRequestId);
  const run = async () => {
    const { organization } = await answer(
      api.POST("/api/v1/organizations", {
        params: { query: { requestId } },
        body: { id: id.trim(), federated, ...(displayName.trim() && { displayName: displayName.trim() }) },
      }),
    );
    await queries.invalidateQueries({ queryKey: key });
    await navigate(paths.overview(organization?.id ?? id.trim()));
  };
  return (
    <FormDialog title={words.create} action={words.create} incomplete={!id.trim()} run={run} onClose={onClose}>
      <TextInput
        label={words.id}
        description={words.idHelp}
        value={id}
        maxLength={63}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setId(event.currentTarget.value)}
        data-autofocus
      />
      <TextInput
        label={words.name}
        description={words.nameHelp}
        value={displayName}
        maxLength={200}
        autoComplete="off"
        onChange={(event) => setDisplayName(event.currentTarget.value)}
      />
      <Switch
        label={words.federate}
        description={words.federateHelp}
        checked={federated}
        onChange={(event) => setFederated(event.currentTarget.checked)}
      />
    </FormDialog>
  );
}
