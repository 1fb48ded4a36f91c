import { Button, Group, Stack, Switch, Text } from "@mantine/core";
import { type ReactNode, useState } from "react";
import type { Schemas } from "../api/client";
import { sometimes, useLivePages } from "../api/live";
import { useSession } from "../api/session";
import { text } from "../text";
import { DataTable } from "./DataTable";
import { FormDialog } from "./FormDialog";
import { Label } from "./Label";
import { More } from "./More";
import { Failure, Loading } from "./States";
import { Time } from "./Time";

type Session = Schemas["Session"];

/** The time without a request after which the session of a person who signed in ends, in milliseconds. */
const idle = 3_600_000;

/** Whether a session can still be used. */
export function isOpen(session: Session, now = Date.now()): boolean {
  return (
    !session.revokeTime &&
    now < Date.parse(session.expireTime) &&
    (session.portalLinkId !== "" || now < Date.parse(session.lastUseTime) + idle)
  );
}

/** Returns how people know the person of a session. */
export function personOf(session: Session): string {
  const words = text.settings.sessions;
  return session.portalLinkId ? words.link : session.subject || words.hidden;
}

/** Returns the time of the last request: the sign-in is one, and Usher knows later ones to the minute alone. */
export function lastUse({ createTime, lastUseTime }: Pick<Session, "createTime" | "lastUseTime">): string {
  return Date.parse(createTime) > Date.parse(lastUseTime) ? createTime : lastUseTime;
}

interface Props {
  queryKey: string[];
  read: (pageToken: string) => Promise<{ sessions: Session[]; nextPageToken: string }>;
  end: (session: Session) => Promise<unknown>;
  /** A further column, such as that of the organization. */
  column?: { title: string; of: (session: Session) => ReactNode };
  /** A further button of each session. */
  action?: (session: Session) => ReactNode;
}

/** A list of sessions, newest first, in which the reader can end each. */
export function Sessions({ queryKey, read, end, column, action }: Props) {
  const words = text.settings.sessions;
  const { subject } = useSession();
  const [showEnded, setShowEnded] = useState(false);
  const [asked, setAsked] = useState<Session>();
  const [said, setSaid] = useState("");
  const list = useLivePages(queryKey, read, sometimes, (pages) => pages <= 1);
  if (!list.data) {
    return list.error ? <Failure error={list.error} retry={() => void list.refetch()} /> : <Loading lines={2} />;
  }
  const all = list.data.pages.flatMap((page) => page.sessions);
  const shown = showEnded ? all : all.filter((session) => isOpen(session));
  const isReader = (session: Session) => subject === `${session.provider}/${session.subject}`;
  // The same person can have several sessions, and nothing here says which one shows this page.
  const you = all.filter((session) => isReader(session) && isOpen(session)).length > 1 ? words.youAlso : words.you;
  const { person, ...columns } = words.columns;
  return (
    <Stack gap="sm">
      <Text>{shown.length === 0 && !list.hasNextPage ? words.none : words.some}</Text>
      <Text size="sm" role="status">
        {said}
      </Text>
      {shown.length > 0 && (
        <DataTable
          caption={words.caption}
          columns={{ person, ...(column && { column: column.title }), ...columns, actions: words.actions }}
          minWidth="56rem"
          rows={shown.map((session) => ({
            key: session.id,
            cells: [
              <Stack key="person" gap={0}>
                <Text size="sm">
                  <bdi>{personOf(session)}</bdi>
                </Text>
                <Text size="xs" c="dimmed">
                  {[
                    words.kinds[session.principalKind] ?? session.principalKind,
                    session.provider,
                    ...(isReader(session) ? [you] : []),
                  ]
                    .filter(Boolean)
                    .join(" · ")}
                </Text>
              </Stack>,
              ...(column ? [column.of(session)] : []),
              session.address,
              <Time key="created" value={session.createTime} as="ago" />,
              <Time key="used" value={lastUse(session)} as="minutes" />,
              <Label key="state" tone={isOpen(session) ? "good" : "quiet"}>
                {isOpen(session) ? words.open : words.ended}
              </Label>,
              <Group key="actions" gap="xs">
                {isOpen(session) && (
                  <Button
                    size="xs"
                    variant="default"
                    aria-label={words.endOf(personOf(session))}
                    onClick={() => setAsked(session)}
                  >
                    {words.end}
                  </Button>
                )}
                {action?.(session)}
              </Group>,
            ],
          }))}
        />
      )}
      <Group>
        <Switch
          label={words.showEnded}
          checked={showEnded}
          onChange={(event) => setShowEnded(event.currentTarget.checked)}
        />
        <More list={list} />
      </Group>
      {asked && (
        <FormDialog
          title={words.endTitle}
          action={words.endAction}
          dangerous
          run={async () => {
            await end(asked);
            setAsked(undefined);
            setSaid(words.said);
            await list.refetch();
          }}
          onClose={() => setAsked(undefined)}
        >
          <Text>{words.endText(personOf(asked))}</Text>
          {asked.portalLinkId && <Text size="sm">{words.endLink}</Text>}
          {isReader(asked) && <Text size="sm">{words.endYou}</Text>}
        </FormDialog>
      )}
    </Stack>
  );
}
