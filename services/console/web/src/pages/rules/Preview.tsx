import { Anchor, Code, Mark, Paper, Stack, Text, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { apiError } from "../../api/errors";
import { useUserNames } from "../../api/people";
import { Failure } from "../../parts/States";
import { paths } from "../../paths";
import { text } from "../../text";
import { type Draft, matchOf } from "./draft";
import { characterAt, countInWords } from "./match";
import { SimilarGroups } from "./SimilarGroups";

interface Props {
  organization: string;
  draft: Draft;
  stored: boolean;
  /** Takes the name of a similar group in the form. */
  onGroup: (name: string) => void;
}

/** Whom a rule would match now, while somebody writes it. It shows no answer to what was entered before. */
export function Preview({ organization, draft, stored, onGroup }: Props) {
  const words = text.rules.preview;
  const match = matchOf(draft);
  const entered = JSON.stringify(match ?? null);
  const [asked] = useDebouncedValue(entered, 500);
  const preview = useQuery({
    queryKey: ["rulePreview", organization, asked],
    queryFn: ({ signal }) =>
      answer(
        api.POST("/api/v1/organizations/{organizationId}/rules:preview", {
          params: { path: { organizationId: organization } },
          body: JSON.parse(asked),
          signal,
        }),
      ),
    enabled: asked !== "null",
    retry: false,
    staleTime: 30_000,
  });
  const current = asked === entered;
  return (
    <Paper withBorder p="md" component="section" aria-label={words.title} aria-live="polite">
      <Title order={3} mb="xs">
        {stored ? words.titleStored : words.title}
      </Title>
      {!match && <Text c="dimmed">{words.empty}</Text>}
      {match && current && preview.error && (
        <Refused error={preview.error} filter={draft.filter} retry={() => void preview.refetch()} />
      )}
      {match && current && preview.data?.count && (
        <Found
          organization={organization}
          count={preview.data.count}
          noGroup={draft.kind === "group" && preview.data.groupIds.length === 0}
        />
      )}
      {!stored && match?.group && current && preview.data?.groupIds.length === 0 && (
        <SimilarGroups organization={organization} name={match.group.displayName} onUse={onGroup} />
      )}
      {match && (!current || preview.isPending) && <Text c="dimmed">{text.rules.counting}</Text>}
    </Paper>
  );
}

interface FoundProps {
  organization: string;
  count: Schemas["MatchCount"];
  noGroup: boolean;
}

function Found({ organization, count, noGroup }: FoundProps) {
  const words = text.rules.preview;
  const names = useUserNames(organization, count.exampleUserIds);
  if (noGroup) {
    return <Text>{words.noGroup}</Text>;
  }
  return (
    <Stack gap="xs">
      <Text fw={600}>{count.users === 0 && !count.atLeast ? words.none : countInWords(count)}</Text>
      {count.exampleUserIds.length > 0 && (
        <div>
          <Text size="sm">{words.examples}</Text>
          <Stack gap={0} component="ul" my={0} ps="md">
            {count.exampleUserIds.map((id) => (
              <Text key={id} component="li" size="sm" style={{ overflowWrap: "anywhere" }}>
                <Anchor component={Link} to={paths.user(organization, id)} target="_blank" inherit>
                  <bdi>{names.get(id) ?? id}</bdi>
                </Anchor>
              </Text>
            ))}
          </Stack>
        </div>
      )}
      <Text size="xs" c="dimmed">
        {words.inactive}
      </Text>
    </Stack>
  );
}

/** Why the users cannot be counted. The error of a filter has a place in the filter. */
function Refused({ error, filter, retry }: { error: unknown; filter: string; retry: () => void }) {
  const words = text.rules;
  const failure = apiError(error);
  const position = failure.metadata.position;
  if (failure.reason !== "SCIM_INVALID_FILTER") {
    return <Failure error={error} retry={retry} />;
  }
  const at = position === undefined ? -1 : characterAt(filter, Number(position));
  return (
    <Stack gap="xs">
      <Text c="var(--mantine-color-error)" style={{ overflowWrap: "anywhere" }}>
        <bdi>{failure.message}</bdi>
      </Text>
      {at >= 0 && (
        <>
          <Text size="sm">{at < filter.length ? words.filterPosition : words.filterEnd}</Text>
          <Code block dir="ltr" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
            {filter.slice(0, at)}
            <Mark color="red">{filter.slice(at) || " "}</Mark>
          </Code>
        </>
      )}
    </Stack>
  );
}
