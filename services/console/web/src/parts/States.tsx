import { Alert, Anchor, Button, Code, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconLock } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { apiError } from "../api/errors";
import { useTraceAddress } from "../api/session";
import { text } from "../text";

/** What a page shows until its data is there. */
export function Loading({ lines = 4 }: { lines?: number }) {
  return (
    <Stack role="status" aria-label={text.loading} gap="sm">
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all the same
        <Skeleton key={line} height={line === 0 ? 24 : 56} width={line === 0 ? "40%" : "100%"} />
      ))}
    </Stack>
  );
}

/** What a list shows when nothing is in it: what would be there, and how it gets there. */
export function Empty({ title, children, action }: { title: string; children: ReactNode; action?: ReactNode }) {
  return (
    <Paper withBorder p="xl">
      <Stack align="flex-start" gap="sm">
        <Title order={2}>{title}</Title>
        <Text c="dimmed" maw="42rem" component="div">
          {children}
        </Text>
        {action}
      </Stack>
    </Paper>
  );
}

/** A failed request: what happened, what to do, and what to tell the operator. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const failure = apiError(error);
  const trace = useTraceAddress(failure.traceId);
  const explained = text.errors.of(failure.reason, failure.status);
  return (
    <Alert
      role="alert"
      color={failure.status === 403 ? "gray" : "red"}
      icon={failure.status === 403 ? <IconLock /> : <IconAlertTriangle />}
      title={explained.title}
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{explained.action}</Text>
        {failure.message && failure.status !== 403 && (
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            {text.errors.says} <bdi>{failure.message}</bdi>
          </Text>
        )}
        {failure.traceId && (
          <Text size="xs">
            {text.errors.traceId}{" "}
            {trace ? <Anchor href={trace}>{failure.traceId}</Anchor> : <Code>{failure.traceId}</Code>}
          </Text>
        )}
        {retry && failure.temporary && (
          <Button size="xs" variant="default" onClick={retry}>
            {text.again}
          </Button>
        )}
      </Stack>
    </Alert>
  );
}
