import { Anchor, Button, Stack, Text, Title } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { often, sometimes, useLivePages } from "../../api/live";
import { newRequestId } from "../../api/requestId";
import { useAccessStatus } from "../../api/rules";
import { useMay } from "../../api/session";
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
  const [running, setRunning] = useState(false);
  const [asked, setAsked] = useState(false);
  const list = useLivePages(
    ["syncs", organization],
    async (pageToken) => {
      const page = await answer(
        api.GET("/api/v1/organizations/{organizationId}/syncs", {
          params: { path: { organizationId: organization }, query: { pageSize: 50, pageToken } },
        }),
      );
      if (!pageToken) {
        setRunning(page.syncs.some(runs));
      }
      return page;
    },
    running ? often : sometimes,
    (pages) => pages <= 1,
  );
  const all = list.data?.pages.flatMap((page) => page.syncs) ?? [];
  const now = all.find(runs);
  const waiting = status?.rulesWaitingCount ?? 0;
  return (
    <Page
      title={words.title}
      situation={
        list.data && (
          <>
            {words.situation(now !== undefined, waiting)}{" "}
            {waiting > 0 && (
              <>
                {words.waitingSince} <Time value={status?.oldestWaitingTime} as="ago" />.
              </>
            )}
          </>
        )
      }
      action={
        mayManage &&
        list.data &&
        !now && (
          <Button variant={waiting > 0 ? "filled" : "default"} onClick={() => setAsked(true)}>
            {words.start}
          </Button>
        )
      }
    >
      <Text maw="42rem">{words.explain}</Text>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && !list.error && <Loading />}
      {now && <Running sync={now} />}
      {list.data && all.length === 0 && <Empty title={words.emptyTitle}>{words.empty}</Empty>}
      {all.some((sync) => !runs(sync)) && (
        <Stack gap="sm">
          <Title order={2}>{words.historyTitle}</Title>
          <History syncs={all.filter((sync) => !runs(sync))} />
        </Stack>
      )}
      <More list={list} />
      {asked && <Start organization={organization} waiting={waiting} onClose={() => setAsked(false)} />}
    </Page>
  );
}

function runs(sync: Sync): boolean {
  return sync.state === "SYNC_STATE_RUNNING";
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
  waiting: number;
  onClose: () => void;
}

function Start({ organization, waiting, onClose }: StartProps) {
  const words = text.syncs;
  const queries = useQueryClient();
  const [requestId] = useState(newRequestId);
  const start = async () => {
    await answer(
      api.POST("/api/v1/organizations/{organizationId}/syncs", {
        params: { path: { organizationId: organization } },
        body: { requestId },
      }),
    );
    onClose();
    await queries.invalidateQueries({ queryKey: ["syncs", organization] });
  };
  return (
    <FormDialog title={words.startTitle} action={words.start} run={start} onClose={onClose}>
      <Text>{words.startText(waiting)}</Text>
    </FormDialog>
  );
}
