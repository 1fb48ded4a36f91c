import { Anchor, Button, NativeSelect, Paper, Stack, Text, TextInput } from "@mantine/core";
import { useRef, useState } from "react";
import { Link, useParams, useSearchParams } from "react-router";
import type { Schemas } from "../../api/client";
import { useDirectoryNames } from "../../api/directories";
import { exportEvents, type FailedEvent, listPage, mostExported, useOpenCounts } from "../../api/events";
import { sometimes, useLivePages } from "../../api/live";
import { useSession } from "../../api/session";
import { DataTable } from "../../parts/DataTable";
import { Label } from "../../parts/Label";
import { More } from "../../parts/More";
import { Page } from "../../parts/Page";
import { Empty, Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";
import { number } from "../../text/shell";
import { Details } from "./Details";
import classes from "./FailedEvents.module.css";
import { type Filter, isFiltered, queryOf, readFilter, writeFilter } from "./filter";
import { Reasons } from "./Reasons";

const pageSize = 50;

/** The messages that Usher could not carry out, why, and what to do. */
export function FailedEvents() {
  const words = text.events;
  const { organization = "" } = useParams();
  const session = useSession();
  const [search, setSearch] = useSearchParams();
  const filter = readFilter(search);
  if (session.oneDirectory) {
    filter.directory = session.directoryId; // the session reads no others
  }
  const query = queryOf(filter);
  const list = useLivePages(
    ["failedEvents", organization, query],
    (pageToken) => listPage(organization, pageToken, { ...query, pageSize }),
    sometimes,
    (pages) => pages <= 1, // more pages would move under the reader
  );
  const counts = useOpenCounts(organization, filter.directory);
  const directories = useDirectoryNames(organization);
  const all = list.data?.pages.flatMap((page) => page.failedEvents) ?? [];
  const change = (to: Partial<Filter>) => setSearch(writeFilter({ ...filter, ...to }), { replace: true });
  const openEvent = (id: string) => ({ search: `?${new URLSearchParams({ ...writeFilter(filter), event: id })}` });
  return (
    <Page
      title={words.title}
      situation={counts && words.situation(openCount(counts), all.length > 0)}
      above={session.oneDirectory ? [] : [{ title: text.overview.title, to: paths.overview(organization) }]}
      action={all.length > 0 && <Export organization={organization} query={query} />}
    >
      {counts && <Reasons organization={organization} counts={counts} directory={filter.directory} filterTo={change} />}
      <Filters
        filter={filter}
        directories={session.oneDirectory ? [] : directories}
        counts={counts ?? []}
        onChange={change}
      />
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && !list.error && <Loading />}
      {list.data && all.length === 0 && (
        <Empty
          title={words.emptyTitle}
          action={
            isFiltered(filter) && (
              <Button variant="default" onClick={() => setSearch({}, { replace: true })}>
                {words.clearFilters}
              </Button>
            )
          }
        >
          {isFiltered(filter) ? words.emptyFiltered : words.empty}
        </Empty>
      )}
      {all.length > 0 && <List events={all} directories={directories} to={openEvent} />}
      <More list={list} />
      <Details
        organization={organization}
        id={search.get("event") ?? ""}
        listed={all}
        directories={directories}
        onClose={() => setSearch(writeFilter(filter), { replace: true })}
      />
    </Page>
  );
}

/** Returns how many open events there are, in words. */
function openCount(counts: Schemas["FailedEventCount"][]): string {
  const sum = number(counts.reduce((n, reason) => n + reason.count, 0));
  return counts.some((reason) => reason.atLeast) ? text.events.atLeast(sum) : sum;
}

interface FiltersProps {
  filter: Filter;
  directories: Iterable<[string, string]>;
  counts: Schemas["FailedEventCount"][];
  onChange: (to: Partial<Filter>) => void;
}

function Filters({ filter, directories, counts, onChange }: FiltersProps) {
  const words = text.events;
  const reasons = new Set(counts.map((count) => count.reason));
  if (filter.reason) {
    reasons.add(filter.reason);
  }
  const choices = [...directories];
  return (
    <Paper withBorder p="sm" component="section" aria-label={words.filters}>
      <div className={classes.filters}>
        <NativeSelect
          label={words.state}
          value={filter.state}
          onChange={(event) => onChange({ state: event.currentTarget.value as Filter["state"] })}
          data={[
            { value: "open", label: words.stateOpen },
            { value: "all", label: words.stateAll },
          ]}
        />
        {choices.length > 0 && (
          <NativeSelect
            label={words.directory}
            value={filter.directory}
            onChange={(event) => onChange({ directory: event.currentTarget.value })}
            data={[{ value: "", label: words.anyDirectory }, ...choices.map(([value, label]) => ({ value, label }))]}
          />
        )}
        <NativeSelect
          label={words.reasonLabel}
          value={filter.reason}
          onChange={(event) => onChange({ reason: event.currentTarget.value })}
          data={[
            { value: "", label: words.anyReason },
            ...[...reasons].map((value) => ({ value, label: words.reason(value) })),
          ]}
        />
        <TextInput
          type="date"
          label={words.from}
          value={filter.from}
          onChange={(event) => onChange({ from: event.currentTarget.value })}
        />
        <TextInput
          type="date"
          label={words.to}
          value={filter.to}
          onChange={(event) => onChange({ to: event.currentTarget.value })}
        />
        <TextInput
          label={words.messageId}
          value={filter.message}
          maxLength={64}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => onChange({ message: event.currentTarget.value })}
        />
      </div>
    </Paper>
  );
}

interface ListProps {
  events: FailedEvent[];
  directories: Map<string, string>;
  to: (id: string) => { search: string };
}

function List({ events, directories, to }: ListProps) {
  const words = text.events;
  return (
    <DataTable
      caption={words.caption}
      columns={words.columns}
      minWidth="52rem"
      rows={events.map((event) => ({
        key: event.id,
        cells: [
          <span key="time" className={classes.time}>
            <Time value={event.failTime} />
          </span>,
          <Anchor
            key="message"
            component={Link}
            to={to(event.id)}
            replace
            className={classes.messageId}
            aria-label={words.open(event.messageId)}
          >
            {event.messageId}
          </Anchor>,
          <Stack key="reason" gap={4} align="flex-start" className={classes.reason}>
            {words.reason(event.reason)}
            <Text span size="xs" c="dimmed">
              {event.operation}
            </Text>
            {event.acknowledgeTime && <Label tone="quiet">{words.acknowledgedLabel}</Label>}
          </Stack>,
          <bdi key="subject" className={classes.subject}>
            {event.subject}
          </bdi>,
          <bdi key="directory" className={classes.subject}>
            {directories.get(event.directoryId) ?? event.directoryId}
          </bdi>,
        ],
      }))}
    />
  );
}

/** Saves all matching events as a file of JSON Lines. */
function Export({ organization, query }: { organization: string; query: ReturnType<typeof queryOf> }) {
  const words = text.events;
  const [read, setRead] = useState<number>();
  const [said, setSaid] = useState("");
  const [error, setError] = useState<unknown>();
  const stop = useRef<AbortController>(undefined);
  const run = async () => {
    stop.current = new AbortController();
    setError(undefined);
    setSaid("");
    setRead(0);
    try {
      const { lines, cut, stopped } = await exportEvents(organization, query, stop.current.signal, setRead);
      if (!stopped) {
        save(lines, `failed-events-${organization}.jsonl`);
      }
      setSaid(cut ? words.exportCut(mostExported) : "");
    } catch (failure) {
      setError(failure);
    }
    setRead(undefined);
  };
  return (
    <Stack gap="xs" align="flex-end">
      {read === undefined ? (
        <Button variant="default" onClick={() => void run()}>
          {words.export}
        </Button>
      ) : (
        <Button variant="default" onClick={() => stop.current?.abort()}>
          {words.exporting(read)}
        </Button>
      )}
      <Text size="xs" role="status">
        {said}
      </Text>
      {error !== undefined && <Failure error={error} />}
    </Stack>
  );
}

function save(content: Blob, name: string) {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
