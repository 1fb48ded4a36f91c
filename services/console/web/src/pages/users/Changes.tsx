import { Anchor, Code, Stack, Text } from "@mantine/core";
import { Link } from "react-router";
import { useCatalogue } from "../../api/catalogue";
import { answer, api, type Schemas } from "../../api/client";
import { sometimes, useLivePages } from "../../api/live";
import { DataTable } from "../../parts/DataTable";
import { More } from "../../parts/More";
import { Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";

/** What access a user has gained and lost. */
export function Changes({ organization, id }: { organization: string; id: string }) {
  const words = text.users;
  const catalogue = useCatalogue(organization);
  const list = useLivePages(
    ["accessChanges", organization, "user", id],
    (pageToken) =>
      answer(
        api.GET("/api/v1/organizations/{organizationId}/accessChanges", {
          params: { path: { organizationId: organization }, query: { userId: id, pageSize: 50, pageToken } },
        }),
      ),
    sometimes,
    (pages) => pages <= 1,
  );
  const all = list.data?.pages.flatMap((page) => page.changes) ?? [];
  return (
    <Stack gap="sm">
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && !list.error && <Loading lines={2} />}
      {list.data && all.length === 0 && <Text>{words.changesNone}</Text>}
      {all.length > 0 && (
        <DataTable
          caption={words.changesCaption}
          columns={words.changesColumns}
          rows={all.map((change) => ({
            key: `${change.revision} ${change.tenantId} ${change.roleId}`,
            cells: [
              <Time key="time" value={change.changeTime} />,
              change.kind === "ACCESS_CHANGE_KIND_ADDED" ? words.gained : words.lost,
              catalogue.inWords(change),
              <Cause key="cause" organization={organization} change={change} />,
            ],
          }))}
        />
      )}
      <More list={list} />
    </Stack>
  );
}

function Cause({ organization, change }: { organization: string; change: Schemas["AccessChange"] }) {
  const words = text.users;
  if (change.syncId) {
    return (
      <Anchor component={Link} to={paths.sync(organization, change.syncId)}>
        {words.bySync}
      </Anchor>
    );
  }
  return change.messageId ? (
    <Text size="sm">
      {words.byMessage} <Code>{change.messageId}</Code>
    </Text>
  ) : (
    words.byHand
  );
}
