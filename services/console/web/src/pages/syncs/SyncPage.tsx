import { Stack, Text, Title } from "@mantine/core";
import { useParams } from "react-router";
import { useCatalogue } from "../../api/catalogue";
import { answer, api, type Schemas } from "../../api/client";
import { never, often, sometimes, useLive, useLivePages } from "../../api/live";
import { useUserNames } from "../../api/people";
import { useMay } from "../../api/session";
import { runs, useSyncWatch } from "../../api/syncs";
import { DataTable } from "../../parts/DataTable";
import { Facts } from "../../parts/Facts";
import { More } from "../../parts/More";
import { Page } from "../../parts/Page";
import { Person } from "../../parts/Person";
import { Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";
import { nameOfPrincipal, number } from "../../text/shell";
import { Running } from "./Running";

/** One rule sync: who started it, what it changed, and whom it set aside. */
export function SyncPage() {
  const words = text.syncs;
  const { organization = "", sync: id = "" } = useParams();
  const { data, error, refetch } = useLive(
    ["syncs", organization, id],
    () =>
      answer(
        api.GET("/api/v1/organizations/{organizationId}/syncs/{id}", {
          params: { path: { organizationId: organization, id } },
        }),
      ),
    (read) => (read?.sync && !runs(read.sync) ? never : often),
  );
  const sync = data?.sync ?? undefined;
  useSyncWatch(organization, sync);
  const mayReadChanges = useMay("READ_ACCESS");
  return (
    <Page
      title={words.oneTitle}
      situation={
        sync && (
          <>
            {words.states[sync.state]}. {words.startedBy} <bdi>{nameOfPrincipal(sync.startedBy)}</bdi>.
          </>
        )
      }
      above={[{ title: words.title, to: paths.syncs(organization) }]}
    >
      {error && <Failure error={error} retry={() => void refetch()} />}
      {!sync && !error && <Loading />}
      {sync && runs(sync) && <Running sync={sync} />}
      {sync && (
        <>
          <Facts
            facts={[
              [words.facts.start, <Time key="start" value={sync.createTime} />],
              [words.facts.end, sync.endTime && <Time key="end" value={sync.endTime} />],
              [words.facts.users, number(Number(sync.usersDone))],
              [words.facts.given, number(Number(sync.accessAdded))],
              [words.facts.taken, number(Number(sync.accessRemoved))],
              [words.facts.aside, number(Number(sync.usersSetAside))],
            ]}
          />
          {sync.setAsideUserIds.length > 0 && <Aside sync={sync} />}
          {mayReadChanges && <Changes organization={organization} sync={sync} />}
        </>
      )}
    </Page>
  );
}

function Aside({ sync }: { sync: Schemas["Sync"] }) {
  const words = text.syncs;
  const names = useUserNames(sync.organizationId, sync.setAsideUserIds);
  return (
    <Stack gap="sm">
      <Title order={2}>{words.asideTitle}</Title>
      <Text maw="42rem">
        {words.asideText} {words.firstOfAside(sync.setAsideUserIds.length, Number(sync.usersSetAside))}
      </Text>
      <Stack component="ul" gap={2} my={0} ps="md">
        {sync.setAsideUserIds.map((id) => (
          <li key={id}>
            <Person organization={sync.organizationId} id={id} name={names.get(id)} />
          </li>
        ))}
      </Stack>
    </Stack>
  );
}

/** How often the changes of a rule sync are read: Usher tries the users that it set aside again, also after the end. */
function changesEvery(sync: Schemas["Sync"]): number {
  return runs(sync) ? 4 * often : sync.usersSetAside === "0" ? never : 4 * sometimes;
}

function Changes({ organization, sync }: { organization: string; sync: Schemas["Sync"] }) {
  const words = text.syncs;
  const catalogue = useCatalogue(organization);
  const list = useLivePages(
    ["accessChanges", organization, "sync", sync.id],
    (pageToken) =>
      answer(
        api.GET("/api/v1/organizations/{organizationId}/accessChanges", {
          params: { path: { organizationId: organization }, query: { syncId: sync.id, pageSize: 50, pageToken } },
        }),
      ),
    changesEvery(sync),
    (pages) => pages <= 1,
  );
  const all = list.data?.pages.flatMap((page) => page.changes) ?? [];
  const names = useUserNames(
    organization,
    all.map((change) => change.userId),
  );
  return (
    <Stack gap="sm">
      <Title order={2}>{words.changesTitle}</Title>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && !list.error && <Loading lines={2} />}
      {list.data && all.length === 0 && <Text>{words.noChanges}</Text>}
      {all.length > 0 && (
        <DataTable
          caption={words.changesCaption}
          columns={words.changesColumns}
          rows={all.map((change, n) => ({
            key: `${n} ${change.userId} ${change.tenantId} ${change.roleId}`,
            cells: [
              <Time key="time" value={change.changeTime} />,
              <Person key="user" organization={organization} id={change.userId} name={names.get(change.userId)} />,
              change.kind === "ACCESS_CHANGE_KIND_ADDED" ? words.gained : words.lost,
              catalogue.inWords(change),
            ],
          }))}
        />
      )}
      <More list={list} />
    </Stack>
  );
}
