import { Anchor, Button, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { answer, api } from "../../api/client";
import { useSimilarGroups } from "../../api/similarGroups";
import { Label } from "../../parts/Label";
import { paths } from "../../paths";
import { text } from "../../text";

interface Props {
  organization: string;
  /** The name that no group has. */
  name: string;
  /** The id of the directory in which it is missing, or "" for all. */
  directory?: string;
  /** The id of a user whose groups are marked. */
  user?: string;
  /** Takes the name of a group in the form of the rule. */
  onUse?: ((name: string) => void) | undefined;
  /** Where the form of the rule is, with the name of a group filled in. */
  form?: ((name: string) => string) | undefined;
}

/** The groups that somebody may have meant, if there are any. */
export function SimilarGroups({ organization, name, directory = "", user, onUse, form }: Props) {
  const words = text.rules.similar;
  const similar = useSimilarGroups(organization, name, directory) ?? [];
  const joined = useJoined(
    organization,
    user,
    similar.map((group) => group.id),
  );
  if (similar.length === 0) {
    return null;
  }
  return (
    <Stack gap={4} component="section" aria-label={words.title}>
      <Text size="sm" fw={600}>
        {words.title}
      </Text>
      <Stack gap={4} component="ul" my={0} ps="md">
        {similar.map((group) => (
          <li key={group.id}>
            <Group gap="xs">
              <Anchor component={Link} to={paths.group(organization, group.id)} size="sm" underline="always">
                <bdi>{group.displayName}</bdi>
              </Anchor>
              {joined.has(group.id) && <Label tone="good">{words.joined}</Label>}
              {onUse && (
                <Button
                  size="compact-xs"
                  variant="default"
                  aria-label={words.takeOf(group.displayName)}
                  onClick={() => onUse(group.displayName)}
                >
                  {words.take}
                </Button>
              )}
              {form && (
                <Anchor component={Link} to={form(group.displayName)} size="sm" underline="always">
                  {words.correct}
                </Anchor>
              )}
            </Group>
          </li>
        ))}
      </Stack>
    </Stack>
  );
}

/** Reads which of some groups a user is in. */
function useJoined(organizationId: string, userId: string | undefined, groupIds: string[]): Set<string> {
  const { data } = useQuery({
    queryKey: ["userGroups", organizationId, userId, groupIds],
    queryFn: () =>
      answer(
        api.GET("/api/v1/organizations/{organizationId}/users/{userId}/groups", {
          params: { path: { organizationId, userId: userId ?? "" }, query: { groupIds } },
        }),
      ),
    enabled: userId !== undefined && groupIds.length > 0,
    retry: false,
  });
  return new Set(data?.groups.map(({ group }) => group?.id ?? ""));
}
