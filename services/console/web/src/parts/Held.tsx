import { Anchor, Stack, Text } from "@mantine/core";
import { Link } from "react-router";
import type { Schemas } from "../api/client";
import type { Rule } from "../api/rules";
import { paths } from "../paths";
import { text } from "../text";
import { nameOfPrincipal, number } from "../text/shell";
import { Label, type Tone } from "./Label";
import { Time } from "./Time";

type Held = Schemas["Access"];

function stateOf(access: Held): [Tone, string] {
  const words = text.access;
  if (access.suspended) {
    return ["bad", words.suspended];
  }
  if (access.kept) {
    return ["warn", words.kept];
  }
  if (access.unknown) {
    return ["warn", words.unknown];
  }
  return access.effective ? ["good", words.counts] : ["quiet", words.countsNot];
}

/** Whether an access counts now. */
export function CountsNow({ access }: { access: Held }) {
  const [tone, words] = stateOf(access);
  return <Label tone={tone}>{words}</Label>;
}

/** How many sources of one access a list shows. */
const sourcesShown = 3;

interface Props {
  access: Held;
  /** All rules of the organization; undefined if they are not known. */
  rules: Rule[] | undefined;
}

/** Where an access comes from. Any number of rules can give the same. */
export function Sources({ access, rules }: Props) {
  const left = access.sources.length - sourcesShown;
  return (
    <Stack gap={4}>
      {access.sources.slice(0, sourcesShown).map((source) => (
        <SourceOf key={source.ruleId || source.grantedBy} source={source} rules={rules} />
      ))}
      {left > 0 && (
        <Text size="xs" c="dimmed">
          {text.access.moreSources(number(left))}
        </Text>
      )}
    </Stack>
  );
}

function SourceOf({ source, rules }: { source: Schemas["Source"]; rules: Rule[] | undefined }) {
  const words = text.access;
  const rule = rules?.find(({ id }) => id === source.ruleId);
  const more = [...(source.keep ? [words.keep] : []), ...(source.retained ? [words.retained] : [])];
  return (
    <Text size="sm" component="div">
      {source.kind === "SOURCE_KIND_MANUAL" ? (
        words.manual(nameOfPrincipal(source.grantedBy))
      ) : rule ? (
        <Anchor component={Link} to={paths.rule(rule.organizationId, rule.id)} inherit underline="always">
          {words.rule(rule.displayName ?? rule.id)}
        </Anchor>
      ) : rules ? (
        words.goneRule
      ) : (
        words.aRule
      )}
      {more.map((one) => `, ${one}`)}
      <Text size="xs" c="dimmed">
        {words.since} <Time value={source.createTime} />
      </Text>
    </Text>
  );
}
