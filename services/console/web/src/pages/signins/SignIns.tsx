import { Anchor, Button, Stack, Text, TextInput, Title } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { sometimes, useLivePages } from "../../api/live";
import { useSession } from "../../api/session";
import { DataTable } from "../../parts/DataTable";
import { FormDialog } from "../../parts/FormDialog";
import { More } from "../../parts/More";
import { Page } from "../../parts/Page";
import { Sessions } from "../../parts/Sessions";
import { Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";
import { nameOfPrincipal } from "../../text/shell";

/** A person, as an identity provider knows them. */
type Person = Pick<Schemas["BlockedSubject"], "provider" | "subject">;

const blockedPath = "/api/v1/blockedSubjects";
const blockedKey = ["blockedSubjects"];
const sessionsKey = ["sessions"];

const nameOf = ({ provider, subject }: Person) => `${provider}/${subject}`;

/** Who is signed in, and who cannot sign in: for the operator. */
export function SignIns() {
  const words = text.signIns;
  const session = useSession();
  const queries = useQueryClient();
  const [dialog, setDialog] = useState<{ of: "block"; person: Person } | { of: "unblock"; person: Person }>();
  const blocked = useLivePages(
    blockedKey,
    (pageToken) => answer(api.GET(blockedPath, { params: { query: { pageSize: 100, pageToken } } })),
    sometimes,
    (pages) => pages <= 1,
  );
  const people = blocked.data?.pages.flatMap((page) => page.blockedSubjects);
  const close = () => setDialog(undefined);
  const changed = async () => {
    close();
    await Promise.all([
      queries.invalidateQueries({ queryKey: blockedKey }),
      queries.invalidateQueries({ queryKey: sessionsKey }),
    ]);
  };
  return (
    <Page
      title={words.title}
      situation={people && words.situation(people.length, blocked.hasNextPage)}
      above={session.organizationId ? [] : [{ title: text.organizations.title, to: paths.organizations }]}
      action={
        people && (
          <Button variant="default" onClick={() => setDialog({ of: "block", person: { provider: "", subject: "" } })}>
            {words.block}
          </Button>
        )
      }
    >
      <Stack gap="sm">
        <Title order={2}>{words.blockedTitle}</Title>
        {blocked.error && <Failure error={blocked.error} retry={() => void blocked.refetch()} />}
        {blocked.isPending && !blocked.error && <Loading lines={2} />}
        {people && <Text>{people.length === 0 ? words.noneBlocked : words.blocked}</Text>}
        {people && people.length > 0 && (
          <Blocked people={people} onUnblock={(person) => setDialog({ of: "unblock", person })} />
        )}
        <More list={blocked} />
      </Stack>
      <Stack gap="sm">
        <Title order={2}>{text.settings.sessions.title}</Title>
        <Text c="dimmed">{words.sessions}</Text>
        <AllSessions onBlock={(person) => setDialog({ of: "block", person })} />
      </Stack>
      {dialog?.of === "block" && <Block of={dialog.person} onDone={changed} onClose={close} />}
      {dialog?.of === "unblock" && (
        <FormDialog
          title={words.unblockTitle}
          action={words.unblockAction}
          run={async () => {
            await answer(api.POST(`${blockedPath}:unblock`, { body: dialog.person }));
            await changed();
          }}
          onClose={close}
        >
          <Text>{words.unblockText(nameOf(dialog.person))}</Text>
        </FormDialog>
      )}
    </Page>
  );
}

interface BlockedProps {
  people: Schemas["BlockedSubject"][];
  onUnblock: (person: Person) => void;
}

function Blocked({ people, onUnblock }: BlockedProps) {
  const words = text.signIns;
  return (
    <DataTable
      caption={words.caption}
      columns={{ ...words.columns, actions: words.actions }}
      rows={people.map((person) => ({
        key: nameOf(person),
        cells: [
          person.provider,
          <bdi key="subject">{person.subject}</bdi>,
          <Text key="time" size="sm" component="div">
            <Time value={person.createTime} />
            <Text size="xs" c="dimmed">
              {words.by} <bdi>{nameOfPrincipal(person.blockedBy)}</bdi>
            </Text>
          </Text>,
          <Button
            key="unblock"
            size="xs"
            variant="default"
            aria-label={words.unblockOf(nameOf(person))}
            onClick={() => onUnblock({ provider: person.provider, subject: person.subject })}
          >
            {words.unblock}
          </Button>,
        ],
      }))}
    />
  );
}

function AllSessions({ onBlock }: { onBlock: (person: Person) => void }) {
  const words = text.signIns;
  return (
    <Sessions
      queryKey={sessionsKey}
      read={(pageToken) => answer(api.GET("/api/v1/sessions", { params: { query: { pageSize: 200, pageToken } } }))}
      end={({ id }) => answer(api.POST("/api/v1/sessions/{id}:revoke", { params: { path: { id } } }))}
      column={{
        title: words.organization,
        of: ({ organizationId }) =>
          organizationId && (
            <Anchor component={Link} to={paths.settings(organizationId, "admins")} size="sm">
              {organizationId}
            </Anchor>
          ),
      }}
      action={({ provider, subject }) =>
        provider && (
          <Button
            size="xs"
            variant="default"
            aria-label={words.blockOf(nameOf({ provider, subject }))}
            onClick={() => onBlock({ provider, subject })}
          >
            {words.blockShort}
          </Button>
        )
      }
    />
  );
}

function Block({ of, onDone, onClose }: { of: Person; onDone: () => Promise<void>; onClose: () => void }) {
  const words = text.signIns;
  const [provider, setProvider] = useState(of.provider);
  const [subject, setSubject] = useState(of.subject);
  const run = async () => {
    await answer(api.POST(blockedPath, { body: { provider: provider.trim(), subject: subject.trim() } }));
    await onDone();
  };
  return (
    <FormDialog
      title={words.block}
      action={words.blockAction}
      dangerous
      incomplete={!provider.trim() || !subject.trim()}
      run={run}
      onClose={onClose}
    >
      <Text>{words.blockText}</Text>
      <TextInput
        label={words.provider}
        description={words.providerHelp}
        value={provider}
        maxLength={63}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setProvider(event.currentTarget.value)}
        data-autofocus
      />
      <TextInput
        label={words.subject}
        description={words.subjectHelp}
        value={subject}
        maxLength={255}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setSubject(event.currentTarget.value)}
      />
    </FormDialog>
  );
}
