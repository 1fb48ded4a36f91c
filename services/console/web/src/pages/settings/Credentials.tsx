import { Alert, Button, Group, Stack, Text, Title } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { answer, api, type Schemas } from "../../api/client";
import { sometimes, useLive } from "../../api/live";
import { walk } from "../../api/pages";
import { DataTable } from "../../parts/DataTable";
import { FormDialog } from "../../parts/FormDialog";
import { Label } from "../../parts/Label";
import { SecretDialog } from "../../parts/SecretDialog";
import { Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { text } from "../../text";
import { scopes as scopeWords } from "../../text/settings";
import { CreateCredential, credentialsPath, type MadeCredential, RotateCredential } from "./CredentialForms";

type Credential = Schemas["ServiceCredential"];

const key = ["serviceCredentials"];

function stateOf(credential: Credential): keyof typeof text.settings.credentials.states {
  if (credential.revokeTime) {
    return "revoked";
  }
  if (credential.expiryState === "EXPIRY_STATE_EXPIRED") {
    return "expired";
  }
  return credential.replacedById ? "replaced" : "valid";
}

const isValid = (credential: Credential) => stateOf(credential) === "valid" || stateOf(credential) === "replaced";

/** The credentials of the vendor's services that open an organization. */
export function Credentials({ organization, name }: { organization: string; name: string }) {
  const words = text.settings.credentials;
  const queries = useQueryClient();
  const [showEnded, setShowEnded] = useState(false);
  const [dialog, setDialog] = useState<{ of: "create" } | { of: "rotate" | "revoke"; credential: Credential }>();
  const [made, setMade] = useState<MadeCredential>();
  const [said, setSaid] = useState("");
  const list = useLive(
    key,
    () => walk((pageToken) => answer(api.GET(credentialsPath, { params: { query: { pageSize: 1000, pageToken } } }))),
    sometimes,
  );
  if (!list.data) {
    return list.error ? <Failure error={list.error} retry={() => void list.refetch()} /> : <Loading lines={2} />;
  }
  const all = list.data.pages
    .flatMap((page) => page.serviceCredentials)
    .filter((one) => one.allOrganizations || one.organizationIds.includes(organization));
  const valid = all.filter(isValid);
  const shown = showEnded ? all : valid;
  const close = () => setDialog(undefined);
  const changed = async (next?: MadeCredential) => {
    close();
    setMade(next);
    await queries.invalidateQueries({ queryKey: key });
  };
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Title order={2}>{words.title}</Title>
        <Button variant="default" onClick={() => setDialog({ of: "create" })}>
          {words.create}
        </Button>
      </Group>
      <Text>{valid.length === 0 ? words.none : words.some}</Text>
      <Text size="sm" role="status">
        {said}
      </Text>
      {shown.length > 0 && (
        <DataTable
          caption={words.caption}
          columns={{ ...words.columns, actions: words.actions }}
          minWidth="56rem"
          rows={shown.map((credential) => ({
            key: credential.id,
            cells: [
              ...cellsOf(credential),
              isValid(credential) && (
                <Actions key="actions" credential={credential} onChoose={(of) => setDialog({ of, credential })} />
              ),
            ],
          }))}
        />
      )}
      {all.length > valid.length && (
        <Button variant="subtle" w="fit-content" onClick={() => setShowEnded(!showEnded)}>
          {showEnded ? words.hideEnded : words.ended(all.length - valid.length)}
        </Button>
      )}
      {dialog?.of === "create" && (
        <CreateCredential organization={organization} name={name} onMade={changed} onClose={close} />
      )}
      {dialog?.of === "rotate" && <RotateCredential of={dialog.credential} onMade={changed} onClose={close} />}
      {dialog?.of === "revoke" && (
        <Revoke
          of={dialog.credential}
          onRevoked={() => {
            setSaid(words.revoked(dialog.credential.displayName));
            void changed();
          }}
          onClose={close}
        />
      )}
      {made?.omitted && <Alert color="yellow">{words.omitted}</Alert>}
      {made?.secret && (
        <SecretDialog secret={made.secret} words={words} onClose={() => setMade(undefined)}>
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

function cellsOf(credential: Credential): ReactNode[] {
  const words = text.settings.credentials;
  const near = credential.expireTime && Date.parse(credential.expireTime) - Date.now() < 48 * 3_600_000;
  const soon = isValid(credential) && !near ? text.directory.keys.soon[credential.expiryState] : undefined;
  return [
    <Stack key="name" gap={0}>
      <Text size="sm">
        <bdi>{credential.displayName}</bdi>
      </Text>
      <Text size="xs" c="dimmed">
        {credential.allOrganizations ? words.all : words.several(credential.organizationIds.length)}
      </Text>
    </Stack>,
    <Label key="state" tone={isValid(credential) ? "good" : "quiet"}>
      {words.states[stateOf(credential)]}
    </Label>,
    <Stack key="opens" gap={2}>
      {credential.scopes.map((scope) => (
        <Text key={scope} size="xs">
          {scopeWords[scope] ?? scope}
        </Text>
      ))}
      {credential.addressRanges.length > 0 && (
        <Text size="xs" c="dimmed">
          {words.from} {credential.addressRanges.join(", ")}
        </Text>
      )}
    </Stack>,
    <Text key="use" size="sm" component="div">
      <Time value={credential.lastUseTime} as="minutes" none={words.neverUsed} />
      {credential.lastUseAddress && (
        <Text size="xs" c="dimmed">
          {words.from} {credential.lastUseAddress}
        </Text>
      )}
    </Text>,
    <Text key="expires" size="sm" component="div">
      <Time value={credential.expireTime} as="near" none={words.never} />
      {soon && (
        <Text size="xs" style={{ color: "var(--usher-warn)" }}>
          {soon}
        </Text>
      )}
    </Text>,
  ];
}

interface ActionsProps {
  credential: Credential;
  onChoose: (of: "rotate" | "revoke") => void;
}

function Actions({ credential, onChoose }: ActionsProps) {
  const words = text.settings.credentials;
  return (
    <Group gap="xs" wrap="nowrap">
      {!credential.replacedById && (
        <Button
          size="xs"
          variant="default"
          aria-label={words.rotateOf(credential.displayName)}
          onClick={() => onChoose("rotate")}
        >
          {words.rotate}
        </Button>
      )}
      <Button
        size="xs"
        variant="default"
        aria-label={words.revokeOf(credential.displayName)}
        onClick={() => onChoose("revoke")}
      >
        {words.revoke}
      </Button>
    </Group>
  );
}

interface RevokeProps {
  of: Credential;
  onRevoked: () => void;
  onClose: () => void;
}

function Revoke({ of, onRevoked, onClose }: RevokeProps) {
  const words = text.settings.credentials;
  const run = async () => {
    await answer(api.POST(`${credentialsPath}/{id}:revoke`, { params: { path: { id: of.id } } }));
    onRevoked();
  };
  return (
    <FormDialog title={words.revokeTitle} action={words.revokeAction} dangerous run={run} onClose={onClose}>
      <Text>{words.revokeText(of.displayName)}</Text>
      {of.allOrganizations && <Alert color="yellow">{words.revokeAll}</Alert>}
      {of.organizationIds.length > 1 && <Alert color="yellow">{words.revokeSeveral(of.organizationIds.length)}</Alert>}
    </FormDialog>
  );
}
