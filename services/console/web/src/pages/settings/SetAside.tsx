import { Anchor, Stack, Text, Title } from "@mantine/core";
import { Link } from "react-router";
import type { Schemas } from "../../api/client";
import type { useLive } from "../../api/live";
import { useUserNames } from "../../api/people";
import { useMay } from "../../api/session";
import { DataTable } from "../../parts/DataTable";
import { Person } from "../../parts/Person";
import { Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";

interface Props {
  organization: string;
  status: ReturnType<typeof useLive<Schemas["GetAccessStatusResponse"]>>;
}

/** The users whose access Usher cannot compute now, why, and when it tries again. */
export function SetAside({ organization, status }: Props) {
  const words = text.settings.setAside;
  const users = status.data?.setAside ?? [];
  const ids = users.map((user) => user.userId);
  const mayReadEvents = useMay("READ_EVENTS");
  const names = useUserNames(organization, ids);
  if (!status.data) {
    return status.error ? <Failure error={status.error} retry={() => void status.refetch()} /> : <Loading lines={2} />;
  }
  const total = Number(status.data.setAsideCount);
  return (
    <Stack gap="sm">
      <Title order={2}>{words.title}</Title>
      {total === 0 && <Text>{words.none}</Text>}
      {total > users.length && <Text>{words.first}</Text>}
      {users.length > 0 && (
        <DataTable
          caption={words.caption}
          columns={words.columns}
          minWidth="52rem"
          rows={users.map((user) => ({
            key: user.userId,
            cells: [
              <Person key="user" organization={organization} id={user.userId} name={names.get(user.userId)} />,
              <bdi key="cause">{user.detail}</bdi>,
              <Time key="since" value={user.createTime} as="ago" />,
              user.messageId && mayReadEvents ? (
                <Anchor
                  key="message"
                  component={Link}
                  to={paths.failedEvents(organization, { message: user.messageId })}
                  ff="monospace"
                  size="xs"
                >
                  {user.messageId}
                </Anchor>
              ) : (
                user.messageId || (user.syncId && words.sync)
              ),
              <Text key="next" size="sm" component="div">
                <Time value={user.retryTime} as="ago" />
                <Text size="xs" c="dimmed">
                  {words.attempts(user.attempts)}
                </Text>
              </Text>,
            ],
          }))}
        />
      )}
    </Stack>
  );
}
