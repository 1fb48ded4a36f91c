import { Anchor, Paper, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { sometimes, useLive } from "../../api/live";
import { useMay } from "../../api/session";
import { Bars } from "../../parts/Bars";
import { BaseUrl } from "../../parts/BaseUrl";
import { Facts } from "../../parts/Facts";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";
import { refused } from "../../text/overview";
import { number } from "../../text/shell";
import { sumOf } from "../overview/situation";

const day = 24 * 3_600_000;
const days = 30;

/** How the directory is: its messages, and what it contains. */
export function Status({
  directory,
  activity,
}: {
  directory: Schemas["Directory"];
  activity: Schemas["DirectoryActivity"] | undefined;
}) {
  const words = text.directory;
  const { organizationId, id } = directory;
  const mayRead = useMay("READ_EVENTS", "MANAGE_DIRECTORIES");
  const path = { organizationId, directoryId: id };
  const progress = useLive(
    ["progress", organizationId, id],
    () =>
      answer(
        api.GET("/api/v1/organizations/{organizationId}/directories/{directoryId}/progress", { params: { path } }),
      ),
    sometimes,
    mayRead,
  ).data?.progress;
  const start = Math.floor(Date.now() / day - (days - 1)) * day;
  const month = useLive(
    ["activity", organizationId, id, "days"],
    () =>
      answer(
        api.GET("/api/v1/organizations/{organizationId}/activity", {
          params: {
            path: { organizationId },
            query: { directoryId: id, period: "ACTIVITY_PERIOD_DAY", startTime: new Date(start).toISOString() },
          },
        }),
      ),
    4 * sometimes,
    mayRead,
  ).data;
  const sum = sumOf(month?.activity[0]);
  const deleted = directory.state === "DIRECTORY_STATE_DELETED";
  const facts: [string, ReactNode][] = [];
  if (progress) {
    facts.push([words.users, deleted ? words.detached : number(Number(progress.userCount))]);
    facts.push([words.groups, deleted ? words.detached : number(Number(progress.groupCount))]);
  }
  facts.push([words.lastMessage, <Time key="message" value={activity?.lastMessageTime} as="ago" />]);
  facts.push([words.lastFailed, <Time key="failed" value={activity?.lastFailedTime} as="ago" />]);
  facts.push([
    words.lastRefused,
    <span key="refused">
      <Time value={directory.lastRefusalTime} as="ago" />
      {directory.lastRefusalTime &&
        ` (${refused[directory.lastRefusalReason] ?? ""}; ${words.refusedCount(Number(directory.refusedCount))})`}
    </span>,
  ]);
  facts.push([words.mode, words.settings.modes[directory.mode] ?? ""]);
  facts.push([words.created, <Time key="created" value={directory.createTime} as="day" />]);
  if (directory.deleteTime) {
    facts.push([words.deletedAt, <Time key="deleted" value={directory.deleteTime} />]);
  }
  if (directory.replacesId) {
    facts.push([
      words.replaces,
      <Anchor key="replaces" component={Link} to={paths.directory(organizationId, directory.replacesId, "end")}>
        {words.former}
      </Anchor>,
    ]);
  }
  return (
    <Stack gap="lg">
      {!deleted && (
        <Paper withBorder p="md">
          <BaseUrl description={words.baseUrlHelp} value={directory.baseUrl} />
        </Paper>
      )}
      {month && (
        <Paper withBorder p="md">
          <Title order={2} mb="xs">
            {words.messages}
          </Title>
          {sum.accepted + sum.failed > 0 && (
            <Bars
              counts={month.activity[0]?.counts ?? []}
              start={start}
              period={day}
              periods={days}
              label={words.chart(sum.accepted, sum.failed)}
              wide
            />
          )}
          <Text size="sm" c="dimmed" mt="xs">
            {sum.accepted + sum.failed + sum.limited > 0
              ? words.messagesSum(number(sum.accepted), number(sum.failed), number(sum.limited))
              : words.messagesNone}
          </Text>
        </Paper>
      )}
      <Paper withBorder p="md">
        <Facts facts={facts} />
      </Paper>
    </Stack>
  );
}
