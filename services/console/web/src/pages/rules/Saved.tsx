import { Anchor, Button, Group, Paper, Text } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { Link } from "react-router";
import { type Rule, useRuleProblems } from "../../api/rules";
import { useSyncSituation } from "../../api/syncs";
import { paths } from "../../paths";
import { text } from "../../text";
import { StartSync } from "../syncs/StartSync";
import { appliedOf } from "./applied";

interface Props {
  /** The rule after the change. */
  rule: Rule;
  /** What somebody did with it. */
  what: keyof typeof text.rules.savedAs;
  /** When, in milliseconds. What was read before does not know of the change. */
  at: number;
}

/** Says that a change of a rule is stored, who has it, and what to do next. It takes the focus, because it is news. */
export function Saved({ rule, what, at }: Props) {
  const words = text.rules;
  const { organizationId, id } = rule;
  const { problems, dataUpdatedAt } = useRuleProblems(organizationId);
  const situation = useSyncSituation(organizationId);
  const [asked, setAsked] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.focus(), []);
  const known = problems && dataUpdatedAt >= at && situation.data && situation.dataUpdatedAt >= at;
  const applied = known ? appliedOf(rule, problems.get(id) ?? [], situation.data.newest) : undefined;
  return (
    <Paper withBorder p="md" ref={box} tabIndex={-1} role="status" aria-live="polite" w="fit-content" maw="42rem">
      <Text fw={600}>
        {words.savedAs[what]} {applied && (applied === "waits" ? words.waits[what] : words.applied[applied])}
      </Text>
      {applied === "waits" && (
        <Group mt="xs" gap="sm">
          <Button size="xs" onClick={() => setAsked(true)}>
            {words.applyNow}
          </Button>
          <Text size="sm" c="dimmed" flex="1 1 14rem">
            {words.withoutSync}
          </Text>
        </Group>
      )}
      {(applied === "runs" || applied === "applies") && (
        <Anchor component={Link} to={paths.syncs(organizationId)} size="sm" underline="always">
          {words.sync}
        </Anchor>
      )}
      {asked && <StartSync organization={organizationId} onClose={() => setAsked(false)} />}
    </Paper>
  );
}
