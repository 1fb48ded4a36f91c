import { Alert, Checkbox, NativeSelect, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { answer, api, type Schemas } from "../../api/client";
import { newRequestId } from "../../api/requestId";
import { FormDialog } from "../../parts/FormDialog";
import { text } from "../../text";
import { scopes as scopeWords } from "../../text/settings";

type Credential = Schemas["ServiceCredential"];

export const credentialsPath = "/api/v1/serviceCredentials";

/** A credential that was made a moment ago. Its secret is in the state of a component only: no cache keeps it. */
export interface MadeCredential {
  secret: string;
  omitted: boolean;
  /** The credential that the new one replaces. */
  old?: Credential | undefined;
}

interface Props {
  onMade: (made: MadeCredential) => Promise<void>;
  onClose: () => void;
}

const day = 24 * 3_600_000;

/** Asks for a credential that opens one organization. */
export function CreateCredential({
  organization,
  name,
  onMade,
  onClose,
}: Props & { organization: string; name: string }) {
  const words = text.settings.credentials;
  const [displayName, setDisplayName] = useState("");
  const [scopes, setScopes] = useState<string[]>(["SCOPE_READ_ACCESS"]);
  const [days, setDays] = useState("365");
  const [ranges, setRanges] = useState("");
  const [requestId] = useState(newRequestId);
  const run = async () => {
    const result = await answer(
      api.POST(credentialsPath, {
        params: { query: { requestId } },
        body: {
          displayName: displayName.trim(),
          organizationIds: [organization],
          scopes: scopes as Credential["scopes"],
          addressRanges: ranges.split(/[\s,]+/).filter(Boolean),
          ...(days === "0"
            ? { neverExpires: true }
            : { expireTime: new Date(Date.now() + Number(days) * day).toISOString() }),
        },
      }),
    );
    await onMade({ secret: result.secret, omitted: result.secretOmitted });
  };
  return (
    <FormDialog
      title={words.create}
      action={words.create}
      incomplete={!displayName.trim() || scopes.length === 0}
      run={run}
      onClose={onClose}
    >
      <Text size="sm">{words.createText(name)}</Text>
      <TextInput
        label={words.name}
        description={words.nameHelp}
        value={displayName}
        maxLength={200}
        autoComplete="off"
        onChange={(event) => setDisplayName(event.currentTarget.value)}
        data-autofocus
      />
      <Checkbox.Group label={words.scopes} value={scopes} onChange={setScopes}>
        <Stack gap="xs" mt="xs">
          {Object.entries(scopeWords).map(([scope, label]) => (
            <Checkbox key={scope} value={scope} label={label} />
          ))}
        </Stack>
      </Checkbox.Group>
      <NativeSelect
        label={words.expires}
        value={days}
        onChange={(event) => setDays(event.currentTarget.value)}
        data={["90", "365", "0"].map((value) => ({ value, label: words.lifetimes[value] ?? value }))}
      />
      <Textarea
        label={words.ranges}
        description={words.rangesHelp}
        value={ranges}
        onChange={(event) => setRanges(event.currentTarget.value)}
        autosize
        minRows={2}
        maxRows={6}
        spellCheck={false}
        dir="ltr"
      />
    </FormDialog>
  );
}

/** Asks for a credential that replaces another one. */
export function RotateCredential({ of, onMade, onClose }: Props & { of: Credential }) {
  const words = text.settings.credentials;
  const [overlap, setOverlap] = useState("604800s");
  const [requestId] = useState(newRequestId);
  const run = async () => {
    const result = await answer(
      api.POST(`${credentialsPath}/{id}:rotate`, {
        params: { path: { id: of.id } },
        body: { overlap, requestId },
      }),
    );
    await onMade({
      secret: result.secret,
      omitted: result.secretOmitted,
      old: result.oldServiceCredential ?? undefined,
    });
  };
  return (
    <FormDialog title={words.rotateTitle} action={words.rotateAction} run={run} onClose={onClose}>
      <Text>{words.rotateText}</Text>
      <NativeSelect
        label={words.overlap}
        value={overlap}
        onChange={(event) => setOverlap(event.currentTarget.value)}
        data={Object.entries(text.directory.keys.overlaps).map(([value, label]) => ({ value, label }))}
        data-autofocus
      />
      {overlap === "0s" && <Alert color="yellow">{words.overlapNone}</Alert>}
    </FormDialog>
  );
}
