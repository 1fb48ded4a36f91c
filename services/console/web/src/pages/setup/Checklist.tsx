import { Alert, Group, Paper, Progress, Stack, Text, ThemeIcon, Title, VisuallyHidden } from "@mantine/core";
import { IconCheck, IconClock } from "@tabler/icons-react";
import type { Schemas } from "../../api/client";
import { Time } from "../../parts/Time";
import { text } from "../../text";
import { refused } from "../../text/overview";
import { type Step, stepsOf } from "./steps";

interface Props {
  directory: Schemas["Directory"];
  keys: Schemas["ApiKey"][];
  progress: Schemas["GetDirectoryProgressResponse"] | undefined;
}

/** What the identity provider has sent so far. It ticks itself. */
export function Checklist({ directory, keys, progress }: Props) {
  const words = text.setUp;
  const steps = stepsOf(keys, progress?.progress?.milestones ?? []);
  const sampled = progress?.sampledUserCount ?? 0;
  return (
    <Paper withBorder p="md">
      <Stack gap="sm">
        <Title order={2}>{words.checklist}</Title>
        {directory.lastRefusalTime && !steps.key && (
          <Alert color="yellow" p="xs">
            {words.refused(refused[directory.lastRefusalReason] ?? "")}{" "}
            <Time value={directory.lastRefusalTime} as="ago" />
          </Alert>
        )}
        <Stack component="ol" gap="xs" p={0} m={0} style={{ listStyle: "none" }}>
          {(Object.keys(words.steps) as Step[]).map((step) => (
            <Group
              component="li"
              key={step}
              gap="sm"
              wrap="nowrap"
              align="flex-start"
              data-step={step}
              data-done={Boolean(steps[step])}
            >
              <ThemeIcon
                size={22}
                radius="xl"
                color={steps[step] ? "green.9" : "gray.7"}
                variant={steps[step] ? "filled" : "outline"}
                aria-hidden
              >
                {steps[step] ? <IconCheck size={14} /> : <IconClock size={14} />}
              </ThemeIcon>
              <Stack gap={0}>
                <Text size="sm" fw={600}>
                  {words.steps[step]}
                  <VisuallyHidden>: {steps[step] ? words.done : words.open}</VisuallyHidden>
                </Text>
                <Text size="xs" c="dimmed" component="div">
                  {steps[step] ? <Time value={steps[step]} as="ago" /> : words.stepHelp[step]}
                </Text>
              </Stack>
            </Group>
          ))}
        </Stack>
        <Title order={2} mt="xs">
          {words.attributes}
        </Title>
        {sampled === 0 ? (
          <Text size="sm" c="dimmed">
            {words.attributesNone}
          </Text>
        ) : (
          <>
            <Text size="sm">{words.attributesOf(sampled)}</Text>
            <Stack component="ul" gap={6} m={0} p={0} style={{ listStyle: "none" }}>
              {progress?.attributes.map((attribute) => (
                <li key={attribute.path}>
                  <Group justify="space-between" gap="xs" wrap="nowrap">
                    <Text size="sm" ff="monospace" style={{ overflowWrap: "anywhere" }} title={attribute.path}>
                      {attribute.path.split(":").pop()}
                    </Text>
                    <Text
                      size="xs"
                      c={attribute.userCount === 0 ? "dimmed" : "inherit"}
                      style={{ whiteSpace: "nowrap" }}
                    >
                      {words.attributeOf(attribute.userCount, sampled)}
                    </Text>
                  </Group>
                  <Progress value={(100 * attribute.userCount) / sampled} size={3} color="usher.5" aria-hidden />
                </li>
              ))}
            </Stack>
          </>
        )}
      </Stack>
    </Paper>
  );
}
