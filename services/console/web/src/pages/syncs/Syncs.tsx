import { Anchor, Button, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { often, sometimes, useLive, useLivePages } from "../../api/live";
import { newRequestId } from "../../api/requestId";
import { useAccessStatus } from "../../api/rules";
import { useMay } from "../../api/session";
import { runs, useSyncsChanged, useSyncWatch } from "../../api/syncs";
import { DataTable } from "../../parts/DataTable";
import { FormDialog } from "../../parts/FormDialog";
import { Label } from "../../parts/Label";
import { More } from "../../parts/More";
import { Page } from "../../parts/Page";
import { Empty, Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";
import { nameOfPrincipal, number } from "../../text/shell";
import { Running } from "./Running";

type Sync = Schemas["Sync"];

/** The rule syncs of an organization: what waits, what runs, and what ran. */
export function Syncs() {
  const words = text.syncs;
  const { organization = "" } = useParams();
  const mayManage = useMay("MANAGE_RULES");
  const status = useAccessStatus(organization).data;
  const [asked, setAsked] = useState(false);
  const page = (pageSize: number, pageToken: string) =>
    answer(
      api.GET("/api/v1/organizations/{organizationId}/syncs", {
        params: { path: { organizationId: organization }, query: { pageSize, pageToken } },
      }),
    );
  // Only the newest rule sync can run. It has a reading of its own, because a long list is not read again.
  const newest = useLive(
    ["syncs", organization, "newest"],
    () => page(1, ""),
    (data) => (runs(data?.syncs[0]) ? often : sometimes),
  );
  const list = useLivePages(
    ["syncs", organization, "list"],
    (pageToken) => page(50, pageToken),
    sometimes,
    (pages) => pages <= 1,
  );
  const last = newest.data?.syncs[0];
  useSyncWatch(organization, last);
  const now = runs(last) ? last : undefined;
  const before =
    list.data?.pages.flatMap((one) => one.syncs).filter((sync) => sync.id !== last?.id && !runs(sync)) ?? [];
  const earlier = last && !now ? [last, ...before] : before;
  const failed = newest.error ?? list.error;
  const known = list.data && newest.data;
  const waiting = status?.rulesWaitingCount;
  return (
    <Page
      title={words.title}
      situation={
        known &&
        (now || waiting !== undefined) && (
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
      {failed && <Failure error={failed} retry={() => void Promise.all([newest.refetch(), list.refetch()])} />}
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
      {asked && <Start organization={organization} waiting={waiting} onClose={() => setAsked(false)} />}
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

interface StartProps {
  organization: string;
  /** How many rules have changes that wait; undefined if it is not known. */
  waiting: number | undefined;
  onClose: () => void;
}

function Start({ organization, waiting, onClose }: StartProps) {
  const words = text.syncs;
  const changed = useSyncsChanged(organization);
  const [requestId] = useState(newRequestId);
  const start = async () => {
    await answer(
      api.POST("/api/v1/organizations/{organizationId}/syncs", {
        params: { path: { organizationId: organization } },
        body: { requestId },
      }),
    );
    onClose();
    await changed();
  };
  return (
    <FormDialog title={words.startTitle} action={words.start} run={start} onClose={onClose}>
      <Text>{words.startText(waiting)}</Text>
    </FormDialog>
  );
}
