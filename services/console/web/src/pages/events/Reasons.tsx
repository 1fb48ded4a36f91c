import { Button, Group, Modal, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api, type Schemas } from "../../api/client";
import { useMay, useSession } from "../../api/session";
import { Label } from "../../parts/Label";
import { Failure } from "../../parts/States";
import { Time } from "../../parts/Time";
import { text } from "../../text";
import { number } from "../../text/shell";
import type { Filter } from "./filter";

type Count = Schemas["FailedEventCount"];

interface Props {
  organization: string;
  counts: Count[];
  /** The id of the only directory that counts, or "". */
  directory: string;
  filterTo: (to: Partial<Filter>) => void;
}

function shown(count: Count): string {
  return count.atLeast ? text.events.atLeast(number(count.count)) : number(count.count);
}

/** The open failed events by reason, and what to do about each. */
export function Reasons({ organization, counts, directory, filterTo }: Props) {
  const words = text.events;
  const { oneDirectory } = useSession();
  const mayAcknowledge = useMay("MANAGE_DIRECTORIES") && !oneDirectory;
  const [chosen, setChosen] = useState<Count>();
  const [said, setSaid] = useState("");
  return (
    <Stack component="section" gap="sm" aria-label={words.byReason}>
      {counts.map((count) => (
        <Paper key={count.reason} withBorder p="md">
          <Group justify="space-between" align="flex-start">
            <Stack gap={2} flex="1 1 16rem" miw={0}>
              <Group gap="xs">
                <Title order={2}>{words.reason(count.reason)}</Title>
                <Label tone="warn">{shown(count)}</Label>
              </Group>
              <Text size="xs" c="dimmed" component="div">
                {words.newest} <Time value={count.newestFailTime} as="ago" />
              </Text>
            </Stack>
            <Group gap="xs">
              <Button size="xs" variant="default" onClick={() => filterTo({ reason: count.reason, state: "open" })}>
                {words.only}
              </Button>
              {mayAcknowledge && (
                <Button size="xs" variant="default" onClick={() => setChosen(count)}>
                  {words.acknowledgeAll}
                </Button>
              )}
            </Group>
          </Group>
          <SimpleGrid cols={{ base: 1, sm: 2 }} mt="sm">
            {(
              [
                [words.forProvider, count.remedy],
                [words.forUs, count.adminAction],
              ] as const
            ).map(([who, what]) => (
              <div key={who}>
                <Text size="sm" fw={600}>
                  {who}
                </Text>
                <Text size="sm">{what || words.nothingToDo}</Text>
              </div>
            ))}
          </SimpleGrid>
        </Paper>
      ))}
      <Text size="sm" role="status">
        {said}
      </Text>
      {chosen && (
        <AcknowledgeAll
          organization={organization}
          directory={directory}
          count={chosen}
          onDone={setSaid}
          onClose={() => setChosen(undefined)}
        />
      )}
    </Stack>
  );
}

interface AcknowledgeAllProps {
  organization: string;
  directory: string;
  count: Count;
  onDone: (said: string) => void;
  onClose: () => void;
}

function AcknowledgeAll({ organization, directory, count, onDone, onClose }: AcknowledgeAllProps) {
  const words = text.events;
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const acknowledge = async () => {
    setBusy(true);
    setError(undefined);
    let done = 0;
    try {
      for (let more = true; more; ) {
        const result = await answer(
          api.POST("/api/v1/organizations/{organizationId}/failedEvents:acknowledge", {
            params: { path: { organizationId: organization } },
            body: { reason: count.reason, endTime: count.newestFailTime, ...(directory && { directoryId: directory }) },
          }),
        );
        done += result.acknowledgedCount;
        more = result.incomplete;
      }
      onDone(words.acknowledged(done));
      onClose();
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
    await Promise.all([
      queries.invalidateQueries({ queryKey: ["failedEvents", organization] }),
      queries.invalidateQueries({ queryKey: ["failedEventCounts", organization] }),
    ]);
  };
  return (
    <Modal opened onClose={onClose} title={words.acknowledgeAllTitle} closeButtonProps={{ "aria-label": text.close }}>
      <Stack>
        <Text>{words.acknowledgeAllText(shown(count), words.reason(count.reason))}</Text>
        {error !== undefined && <Failure error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {text.cancel}
          </Button>
          <Button loading={busy} onClick={() => void acknowledge()} data-autofocus>
            {words.acknowledgeAll}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
