import { Alert, Anchor, Button, Checkbox, Group, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { type Key, keysPath, readKeys } from "../../api/keys";
import { often, useLive } from "../../api/live";
import { newRequestId } from "../../api/requestId";
import { useMay } from "../../api/session";
import { DataTable } from "../../parts/DataTable";
import { FormDialog } from "../../parts/FormDialog";
import { Label } from "../../parts/Label";
import { SecretDialog } from "../../parts/SecretDialog";
import { Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";
import { nameOfPrincipal } from "../../text/shell";
import { endOf, isValid, stateOf } from "./keyState";

/** A key that was made a moment ago. Its secret is in this state only: no cache keeps it. */
interface Made {
  secret: string;
  omitted: boolean;
  /** The key that the new one replaces. */
  old?: Key | undefined;
}

/** The API keys of a directory: who made each, where it was used, and how to replace or end it. */
export function Keys({ directory }: { directory: Schemas["Directory"] }) {
  const words = text.directory.keys;
  const path = { organizationId: directory.organizationId, directoryId: directory.id };
  const queries = useQueryClient();
  const mayManage = useMay("MANAGE_DIRECTORIES") && directory.state !== "DIRECTORY_STATE_DELETED";
  const [showEnded, setShowEnded] = useState(false);
  const [dialog, setDialog] = useState<{ of: "create" } | { of: "rotate" | "revoke"; key: Key }>();
  const [made, setMade] = useState<Made>();
  const [said, setSaid] = useState("");
  const keys = useLive(
    ["keys", path.organizationId, path.directoryId],
    () => readKeys(path.organizationId, path.directoryId),
    often,
  );
  if (!keys.data) {
    return keys.error ? <Failure error={keys.error} retry={() => void keys.refetch()} /> : <Loading />;
  }
  const all = keys.data;
  const valid = all.filter(isValid);
  // Keys of one name are told apart by the time when they were created.
  const names = new Set<string>();
  const shared = new Set<string>();
  for (const key of valid) {
    (names.has(nameOf(key)) ? shared : names).add(nameOf(key));
  }
  const fullName = (key: Key) =>
    shared.has(nameOf(key)) ? words.nameOfTime(nameOf(key), key.createTime) : nameOf(key);
  const close = () => setDialog(undefined);
  const changed = async (next?: Made) => {
    close();
    setMade(next);
    await Promise.all([
      queries.invalidateQueries({ queryKey: ["keys", path.organizationId, path.directoryId] }),
      queries.invalidateQueries({ queryKey: ["directory", path.organizationId, path.directoryId] }),
    ]);
  };
  return (
    <Stack>
      <Group justify="space-between">
        <Text>{words.situation(valid.length)}</Text>
        {mayManage && (
          <Button variant={valid.length === 0 ? "filled" : "default"} onClick={() => setDialog({ of: "create" })}>
            {words.create}
          </Button>
        )}
      </Group>
      <Text size="sm" role="status">
        {said}
      </Text>
      <DataTable
        caption={words.caption}
        columns={mayManage ? { ...words.columns, actions: words.actions } : words.columns}
        minWidth="52rem"
        rows={(showEnded ? all : valid).map((key) => ({
          key: key.id,
          cells: cellsOf(
            key,
            mayManage,
            isValid(key) ? (
              <Group gap="xs" wrap="nowrap">
                {!key.replacedById && (
                  <Button
                    size="xs"
                    variant="default"
                    aria-label={words.rotateOf(fullName(key))}
                    onClick={() => setDialog({ of: "rotate", key })}
                  >
                    {words.rotate}
                  </Button>
                )}
                <Button
                  size="xs"
                  variant="default"
                  aria-label={words.revokeOf(fullName(key))}
                  onClick={() => setDialog({ of: "revoke", key })}
                >
                  {words.revoke}
                </Button>
              </Group>
            ) : null,
          ),
        }))}
      />
      {all.length > valid.length && (
        <Button variant="subtle" w="fit-content" onClick={() => setShowEnded(!showEnded)}>
          {showEnded ? words.hideEnded : words.ended(all.length - valid.length)}
        </Button>
      )}
      {dialog?.of === "create" && <Create path={path} onMade={changed} onClose={close} />}
      {dialog?.of === "rotate" && <Rotate path={path} of={dialog.key} onMade={changed} onClose={close} />}
      {dialog?.of === "revoke" && (
        <Revoke
          path={path}
          of={dialog.key}
          name={fullName(dialog.key)}
          last={valid.length === 1}
          onRevoked={() => {
            setSaid(words.revoked(fullName(dialog.key)));
            void changed();
          }}
          onClose={close}
        />
      )}
      {made?.omitted && <Alert color="yellow">{words.omitted}</Alert>}
      {made?.secret && (
        <SecretDialog secret={made.secret} baseUrl={directory.baseUrl} onClose={() => setMade(undefined)}>
          <Anchor
            component={Link}
            to={paths.setUp(path.organizationId, path.directoryId, text.setUp.guideRotate)}
            target="_blank"
            size="sm"
            underline="always"
            w="fit-content"
          >
            {text.directory.enterKey}
          </Anchor>
          {made.old && (
            <Text size="sm">
              {Date.parse(made.old.expireTime ?? "") <= Date.now() ? (
                words.oldEnded
              ) : (
                <>
                  {words.oldUntil} <Time value={made.old.expireTime} />
                </>
              )}
            </Text>
          )}
        </SecretDialog>
      )}
    </Stack>
  );
}

function nameOf(key: Key): string {
  return key.displayName || text.directory.keys.unnamed;
}

function cellsOf(key: Key, mayManage: boolean, actions: ReactNode): ReactNode[] {
  const words = text.directory.keys;
  const state = stateOf(key);
  // Within two days, the time itself says it.
  const near = key.expireTime && Date.parse(key.expireTime) - Date.now() < 48 * 3_600_000;
  const soon = isValid(key) && !near ? words.soon[key.expiryState] : undefined;
  return [
    <bdi key="name">{nameOf(key)}</bdi>,
    <Label key="state" tone={isValid(key) ? "good" : "quiet"}>
      {words.states[state]}
    </Label>,
    <Text key="use" size="sm" component="div">
      <Time value={key.lastUseTime} as="minutes" none={words.neverUsed} />
      {key.lastUseAddress && (
        <Text size="xs" c="dimmed">
          {words.from} {key.lastUseAddress}
        </Text>
      )}
    </Text>,
    <Text key="expires" size="sm" component="div">
      {isValid(key) ? (
        <Time value={key.expireTime} as="near" none={words.never} />
      ) : (
        <>
          {words.endedAt} <Time value={endOf(key)} />
        </>
      )}
      {soon && (
        <Text size="xs" style={{ color: "var(--usher-warn)" }}>
          {soon}
        </Text>
      )}
    </Text>,
    <Text key="created" size="sm" component="div">
      <Time value={key.createTime} />
      <Text size="xs" c="dimmed">
        {words.by} <bdi>{nameOfPrincipal(key.createdBy)}</bdi>
      </Text>
    </Text>,
    ...(mayManage ? [actions] : []),
  ];
}

interface Path {
  organizationId: string;
  directoryId: string;
}

function Create({ path, onMade, onClose }: { path: Path; onMade: (made: Made) => Promise<void>; onClose: () => void }) {
  const words = text.directory.keys;
  const [displayName, setDisplayName] = useState("");
  const [days, setDays] = useState("365");
  const [requestId] = useState(newRequestId);
  const run = async () => {
    const expireTime = days === "0" ? null : new Date(Date.now() + Number(days) * 24 * 3_600_000).toISOString();
    const result = await answer(
      api.POST(keysPath, {
        params: { path, query: { requestId } },
        body: { displayName: displayName.trim(), expireTime },
      }),
    );
    await onMade({ secret: result.secret, omitted: result.secretOmitted });
  };
  return (
    <FormDialog title={words.create} action={words.create} run={run} onClose={onClose}>
      <Text size="sm">{words.createText}</Text>
      <TextInput
        label={words.name}
        description={words.nameHelp}
        value={displayName}
        maxLength={200}
        autoComplete="off"
        onChange={(event) => setDisplayName(event.currentTarget.value)}
        data-autofocus
      />
      <NativeSelect
        label={words.expires}
        value={days}
        onChange={(event) => setDays(event.currentTarget.value)}
        data={["90", "365", "0"].map((value) => ({ value, label: words.lifetimes[value] ?? value }))}
      />
    </FormDialog>
  );
}

function Rotate({
  path,
  of,
  onMade,
  onClose,
}: {
  path: Path;
  of: Key;
  onMade: (made: Made) => Promise<void>;
  onClose: () => void;
}) {
  const words = text.directory.keys;
  const [leaked, setLeaked] = useState(false);
  const [chosen, setChosen] = useState<string>();
  const [displayName, setDisplayName] = useState(of.displayName ?? "");
  const [requestId] = useState(newRequestId);
  const overlap = chosen ?? (leaked ? "0s" : "604800s");
  const run = async () => {
    const result = await answer(
      api.POST(`${keysPath}/{id}:rotate`, {
        params: { path: { ...path, id: of.id } },
        body: { displayName: displayName.trim(), overlap, requestId },
      }),
    );
    await onMade({ secret: result.secret, omitted: result.secretOmitted, old: result.oldApiKey ?? undefined });
  };
  return (
    <FormDialog title={words.rotateTitle} action={words.rotateAction} run={run} onClose={onClose}>
      <Text>{words.rotateText}</Text>
      <TextInput
        label={words.newName}
        description={words.newNameHelp}
        value={displayName}
        maxLength={200}
        autoComplete="off"
        onChange={(event) => setDisplayName(event.currentTarget.value)}
      />
      <Checkbox
        label={words.leaked}
        description={words.leakedHelp}
        checked={leaked}
        onChange={(event) => setLeaked(event.currentTarget.checked)}
        data-autofocus
      />
      <NativeSelect
        label={words.overlap}
        value={overlap}
        onChange={(event) => setChosen(event.currentTarget.value)}
        data={Object.entries(words.overlaps).map(([value, label]) => ({ value, label }))}
      />
      {overlap === "0s" ? (
        <Alert color="yellow">{words.overlapNone}</Alert>
      ) : (
        <>
          <Text size="sm">{words.overlapSome}</Text>
          {leaked && <Alert color="yellow">{words.overlapLeaked}</Alert>}
        </>
      )}
    </FormDialog>
  );
}

interface RevokeProps {
  path: Path;
  of: Key;
  name: string;
  /** Whether no other key is valid. */
  last: boolean;
  onRevoked: () => void;
  onClose: () => void;
}

function Revoke({ path, of, name, last, onRevoked, onClose }: RevokeProps) {
  const words = text.directory.keys;
  const run = async () => {
    await answer(api.POST(`${keysPath}/{id}:revoke`, { params: { path: { ...path, id: of.id } } }));
    onRevoked();
  };
  return (
    <FormDialog title={words.revokeTitle} action={words.revokeAction} dangerous run={run} onClose={onClose}>
      <Text>{words.revokeText(name)}</Text>
      {of.replacedById && <Text size="sm">{words.revokeReplaced}</Text>}
      {of.lastUseTime && (
        <Text size="sm">
          {words.revokeUsed} <Time value={of.lastUseTime} as="minutes" />
          {of.lastUseAddress && ` ${words.from} ${of.lastUseAddress}`}
        </Text>
      )}
      {last && <Alert color="yellow">{words.revokeLast}</Alert>}
    </FormDialog>
  );
}
