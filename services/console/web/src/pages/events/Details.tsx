import { Alert, Anchor, Button, Code, Drawer, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Fragment, type ReactNode } from "react";
import { answer, api } from "../../api/client";
import type { FailedEvent } from "../../api/events";
import { useMay, useSession, useTraceAddress } from "../../api/session";
import { CopyField } from "../../parts/CopyField";
import { Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { text } from "../../text";
import { nameOfPrincipal } from "../../text/shell";
import classes from "./FailedEvents.module.css";

interface Props {
  organization: string;
  /** The id of the event, or "" if none is open. */
  id: string;
  /** The events of the list. Another one is read. */
  listed: FailedEvent[];
  directories: Map<string, string>;
  onClose: () => void;
}

/** One failed event. */
export function Details({ organization, id, listed, directories, onClose }: Props) {
  const known = listed.find((event) => event.id === id);
  const path = { organizationId: organization, id };
  const read = useQuery({
    queryKey: ["failedEvent", organization, id],
    queryFn: () => answer(api.GET("/api/v1/organizations/{organizationId}/failedEvents/{id}", { params: { path } })),
    enabled: id !== "" && !known,
  });
  const event = known ?? read.data?.failedEvent;
  return (
    <Drawer
      opened={id !== ""}
      onClose={onClose}
      position="right"
      size="lg"
      title={text.events.details}
      closeButtonProps={{ "aria-label": text.close }}
    >
      {event ? (
        <Event event={event} directory={directories.get(event.directoryId)} />
      ) : read.error ? (
        <Failure error={read.error} />
      ) : (
        <Loading />
      )}
    </Drawer>
  );
}

function Event({ event, directory }: { event: FailedEvent; directory: string | undefined }) {
  const words = text.events;
  const queries = useQueryClient();
  const { oneDirectory } = useSession();
  const mayAcknowledge = useMay("MANAGE_DIRECTORIES") && !oneDirectory;
  const mayReadPeople = useMay("READ_PEOPLE");
  const trace = useTraceAddress(event.traceId);
  const acknowledge = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/v1/organizations/{organizationId}/failedEvents/{id}:acknowledge", {
          params: { path: { organizationId: event.organizationId, id: event.id } },
        }),
      ),
    onSuccess: async ({ failedEvent }) => {
      queries.setQueryData(["failedEvent", event.organizationId, event.id], { failedEvent });
      await Promise.all([
        queries.invalidateQueries({ queryKey: ["failedEvents", event.organizationId] }),
        queries.invalidateQueries({ queryKey: ["failedEventCounts", event.organizationId] }),
      ]);
    },
  });
  const facts: [string, ReactNode][] = [
    [words.columns.time, <Time key="time" value={event.failTime} />],
    [words.columns.reason, words.reason(event.reason)],
    [words.sourceLabel, words.source[event.source] ?? ""],
  ];
  if (event.subject) {
    facts.push([words.columns.subject, <bdi key="subject">{event.subject}</bdi>]);
  }
  if (event.conflictingName || event.conflictingResourceId) {
    facts.push([
      words.conflict,
      <Fragment key="conflict">
        <bdi>{event.conflictingName}</bdi> {event.conflictingResourceId && <Code>{event.conflictingResourceId}</Code>}
      </Fragment>,
    ]);
  }
  if (event.resourceId) {
    facts.push([words.resource, <Code key="resource">{event.resourceId}</Code>]);
  }
  if (event.operation) {
    facts.push([words.operation, <Code key="operation">{event.operation}</Code>]);
  }
  if (event.status) {
    facts.push([words.status, `${event.status} ${event.scimType}`]);
  }
  if (event.directoryId) {
    facts.push([words.directory, <bdi key="directory">{directory ?? event.directoryId}</bdi>]);
  }
  if (event.traceId) {
    facts.push([
      words.trace,
      trace ? (
        <Anchor key="trace" href={trace} target="_blank" rel="noreferrer">
          {event.traceId}
        </Anchor>
      ) : (
        <Code key="trace">{event.traceId}</Code>
      ),
    ]);
  }
  if (event.acknowledgeTime) {
    facts.push([
      words.acknowledgedBy,
      <Fragment key="acknowledged">
        <bdi>{nameOfPrincipal(event.acknowledgedBy)}</bdi>, <Time value={event.acknowledgeTime} />
      </Fragment>,
    ]);
  }
  return (
    <Stack>
      <CopyField label={words.messageId} value={event.messageId} />
      <Text style={{ overflowWrap: "anywhere" }}>{event.detail}</Text>
      {event.remedy && (
        <Alert title={words.forProvider} color="blue">
          {event.remedy}
        </Alert>
      )}
      {event.adminAction && (
        <Alert title={words.forUs} color="blue">
          {event.adminAction}
        </Alert>
      )}
      <dl className={classes.facts}>
        {facts.map(([name, value]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
      </dl>
      {!mayReadPeople && (
        <Text size="sm" c="dimmed">
          {words.noPeople}
        </Text>
      )}
      {acknowledge.error && <Failure error={acknowledge.error} />}
      {mayAcknowledge && !event.acknowledgeTime && (
        <Button w="fit-content" loading={acknowledge.isPending} onClick={() => acknowledge.mutate()}>
          {words.acknowledge}
        </Button>
      )}
    </Stack>
  );
}
