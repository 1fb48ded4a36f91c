import { Accordion, Button, Group, Modal, SimpleGrid, Stack, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api, type Schemas } from "../../api/client";
import { useMay, useSession } from "../../api/session";
import { Label } from "../../parts/Label";
import { Failure } from "../../parts/States";
import { ago } from "../../parts/Time";
import { useReturnFocus } from "../../parts/useReturnFocus";
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

/** The open failed events by reason, and what to do about each. It stays when none is left, to say what was done. */
export function Reasons({ organization, counts, directory, filterTo }: Props) {
  const words = text.events;
  const { oneDirectory } = useSession();
  const mayAcknowledge = useMay("MANAGE_DIRECTORIES") && !oneDirectory;
  const [chosen, setChosen] = useState<Count>();
  const [said, setSaid] = useState("");
  return (
    <Stack component="section" gap="sm" aria-label={words.byReason}>
      <Accordion variant="contained" order={2} defaultValue={counts.length === 1 ? (counts[0]?.reason ?? null) : null}>
        {counts.map((count) => (
          <Accordion.Item key={count.reason} value={count.reason} bg="var(--mantine-color-body)">
            <Accordion.Control>
              <Group gap="xs">
                <Text fw={600}>{words.reason(count.reason)}</Text>
                <Label tone="warn">{shown(count)}</Label>
                <Text size="xs" c="dimmed">
                  {words.newest} {ago(new Date(count.newestFailTime))}
                </Text>
              </Group>
            </Accordion.Control>
            <Accordion.Panel>
              <SimpleGrid cols={{ base: 1, sm: 2 }}>
                <Instruction who={words.forProvider} what={count.remedy} />
                <Instruction who={words.forUs} what={count.adminAction} />
              </SimpleGrid>
              <Group gap="xs" mt="md">
                <Button size="xs" variant="default" onClick={() => filterTo({ reason: count.reason, state: "open" })}>
                  {words.only}
                </Button>
                {mayAcknowledge && (
                  <Button size="xs" variant="default" onClick={() => setChosen(count)}>
                    {words.acknowledgeAll}
                  </Button>
                )}
              </Group>
            </Accordion.Panel>
          </Accordion.Item>
        ))}
      </Accordion>
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

/** What somebody should do, at one of the two places. */
function Instruction({ who, what }: { who: string; what: string }) {
  return (
    <div>
      <Text size="sm" fw={600}>
        {who}
      </Text>
      <Text size="sm">{what || text.events.nothingToDo}</Text>
    </div>
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
  useReturnFocus();
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
