import { Anchor, Button, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { sometimes, useLivePages } from "../../api/live";
import { useMay } from "../../api/session";
import { readSyncs, runs, type Sync, useSyncSituation } from "../../api/syncs";
import { DataTable } from "../../parts/DataTable";
import { Label } from "../../parts/Label";
import { More } from "../../parts/More";
import { Page } from "../../parts/Page";
import { Empty, Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";
import { nameOfPrincipal, number } from "../../text/shell";
import { Running } from "./Running";
import { StartSync } from "./StartSync";

/** The rule syncs of an organization: what waits, what runs, and what ran. */
export function Syncs() {
  const words = text.syncs;
  const { organization = "" } = useParams();
  const mayManage = useMay("MANAGE_RULES");
  const [asked, setAsked] = useState(false);
  // A long list is not read again, so what runs has a reading of its own.
  const situation = useSyncSituation(organization);
  const list = useLivePages(
    ["syncs", organization, "list"],
    (pageToken) => readSyncs(organization, 50, pageToken),
    sometimes,
    (pages) => pages <= 1,
  );
  const status = situation.data?.status;
  const last = situation.data?.newest ?? undefined;
  const now = runs(last) ? last : undefined;
  const before =
    list.data?.pages.flatMap((one) => one.syncs).filter((sync) => sync.id !== last?.id && !runs(sync)) ?? [];
  const earlier = last && !now ? [last, ...before] : before;
  const failed = situation.error ?? list.error;
  const known = list.data && situation.data;
  const waiting = status?.rulesWaitingCount;
  return (
    <Page
      title={words.title}
      situation={
        known && (
          <>
            {words.situation(now !== undefined, waiting ?? 0)}{" "}
            {Boolean(waiting) && (
              <>
                {words.waitingSince} <Time value={status?.oldestWaitingTime} as="ago" />.
              </>
            )}
          </>
        )
      }
      action={
        mayManage &&
        known &&
        !now && (
          <Button variant={waiting ? "filled" : "default"} onClick={() => setAsked(true)}>
            {words.start}
          </Button>
        )
      }
    >
      <Text maw="42rem">{words.explain}</Text>
      {failed && <Failure error={failed} retry={() => void Promise.all([situation.refetch(), list.refetch()])} />}
      {!known && !failed && <Loading />}
      {now && <Running sync={now} />}
      {known && !now && earlier.length === 0 && <Empty title={words.emptyTitle}>{words.empty}</Empty>}
      {earlier.length > 0 && (
        <Stack gap="sm">
          <Title order={2}>{words.historyTitle}</Title>
          <History syncs={earlier} />
        </Stack>
      )}
      <More list={list} />
      {asked && <StartSync organization={organization} onClose={() => setAsked(false)} />}
    </Page>
  );
}

function History({ syncs }: { syncs: Sync[] }) {
  const words = text.syncs;
  return (
    <DataTable
      caption={words.caption}
      columns={words.columns}
      minWidth="44rem"
      rows={syncs.map((sync) => ({
        key: sync.id,
        cells: [
          <Anchor key="start" component={Link} to={paths.sync(sync.organizationId, sync.id)}>
            <Time value={sync.createTime} />
          </Anchor>,
          <bdi key="by">{nameOfPrincipal(sync.startedBy)}</bdi>,
          <Label key="state" tone={sync.state === "SYNC_STATE_DONE" ? "good" : "quiet"}>
            {words.states[sync.state] ?? sync.state}
          </Label>,
          number(Number(sync.usersDone)),
          sync.accessAdded === "0" && sync.accessRemoved === "0"
            ? words.nothing
            : `${words.added(Number(sync.accessAdded))}, ${words.removed(Number(sync.accessRemoved))}`,
          sync.usersSetAside === "0" ? "" : number(Number(sync.usersSetAside)),
        ],
      }))}
    />
  );
}
