import { Button, Group, Paper, Progress, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import { answer, api, type Schemas } from "../../api/client";
import { useMay } from "../../api/session";
import { useSyncsChanged } from "../../api/syncs";
import { FormDialog } from "../../parts/FormDialog";
import { Time } from "../../parts/Time";
import { text } from "../../text";
import { nameOfPrincipal } from "../../text/shell";

/** The running rule sync: how far it is, when it will end, and how to cancel it. */
export function Running({ sync }: { sync: Schemas["Sync"] }) {
  const words = text.syncs;
  const mayManage = useMay("MANAGE_RULES");
  const [asked, setAsked] = useState(false);
  const done = Number(sync.usersDone);
  const total = Number(sync.usersTotal);
  const share = total > 0 ? Math.min(99, (100 * done) / total) : 0;
  return (
    <Paper withBorder p="md" component="section" aria-label={words.runningTitle}>
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2}>{words.runningTitle}</Title>
          {mayManage && (
            <Button variant="default" onClick={() => setAsked(true)}>
              {words.cancel}
            </Button>
          )}
        </Group>
        <Progress.Root size="lg">
          <Progress.Section value={share} aria-label={words.progress} aria-valuetext={words.done(done, total)} />
        </Progress.Root>
        <Text>
          {words.done(done, total)} · {words.added(Number(sync.accessAdded))} ·{" "}
          {words.removed(Number(sync.accessRemoved))}
          {sync.usersSetAside !== "0" && ` · ${words.setAside(Number(sync.usersSetAside))}`}
        </Text>
        <Text size="sm" c="dimmed" component="div">
          {sync.estimatedEndTime ? (
            <>
              {words.left} <Time value={sync.estimatedEndTime} as="ago" />
            </>
          ) : (
            words.leftUnknown
          )}{" "}
          · {words.startedBy} <bdi>{nameOfPrincipal(sync.startedBy)}</bdi>, <Time value={sync.createTime} as="ago" />
        </Text>
      </Stack>
      {asked && <Cancel sync={sync} onClose={() => setAsked(false)} />}
    </Paper>
  );
}

function Cancel({ sync, onClose }: { sync: Schemas["Sync"]; onClose: () => void }) {
  const words = text.syncs;
  const { organizationId, id } = sync;
  const changed = useSyncsChanged(organizationId);
  const cancel = async () => {
    await answer(
      api.POST("/api/v1/organizations/{organizationId}/syncs/{id}:cancel", {
        params: { path: { organizationId, id } },
      }),
    );
    onClose();
    await changed();
  };
  return (
    <FormDialog title={words.cancelTitle} action={words.cancel} dangerous run={cancel} onClose={onClose}>
      <Text>{words.cancelText}</Text>
    </FormDialog>
  );
}
