import { Anchor, Stack, Text } from "@mantine/core";
import { Link } from "react-router";
import { answer, api } from "../../api/client";
import { useDirectoryNames } from "../../api/directories";
import { sometimes, useLivePages } from "../../api/live";
import { DataTable } from "../../parts/DataTable";
import { Label } from "../../parts/Label";
import { More } from "../../parts/More";
import { Failure, Loading } from "../../parts/States";
import { paths } from "../../paths";
import { text } from "../../text";

/** The groups of a user, directly and through others. */
export function Groups({ organization, id }: { organization: string; id: string }) {
  const words = text.users;
  const directories = useDirectoryNames(organization);
  const list = useLivePages(
    ["userGroups", organization, id],
    (pageToken) =>
      answer(
        api.GET("/api/v1/organizations/{organizationId}/users/{userId}/groups", {
          params: { path: { organizationId: organization, userId: id }, query: { pageSize: 100, pageToken } },
        }),
      ),
    sometimes,
    (pages) => pages <= 1,
  );
  const all = list.data?.pages.flatMap((page) => page.groups) ?? [];
  return (
    <Stack gap="sm">
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && !list.error && <Loading lines={2} />}
      {list.data && <Text>{all.length === 0 ? words.groupsNone : words.groupsText}</Text>}
      {all.length > 0 && (
        <DataTable
          caption={words.groupsCaption}
          columns={words.groupsColumns}
          rows={all.map(({ group, through, carried }) => ({
            key: group?.id ?? "",
            cells: [
              <Stack key="group" gap={4} align="flex-start">
                <Anchor component={Link} to={paths.group(organization, group?.id ?? "")}>
                  <bdi>{group?.displayName}</bdi>
                </Anchor>
                {carried && <Label tone="warn">{words.carried}</Label>}
              </Stack>,
              through.length === 0
                ? words.directly
                : words.through(through.map((step) => step.displayName).join(words.arrow)),
              <bdi key="directory">{directories.get(group?.directoryId ?? "") ?? group?.directoryId}</bdi>,
            ],
          }))}
        />
      )}
      <More list={list} />
    </Stack>
  );
}
