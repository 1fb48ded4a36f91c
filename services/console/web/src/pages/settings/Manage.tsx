import { Button, Code, Stack, Text, TextInput, Title } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api, type Schemas } from "../../api/client";
import { useSession } from "../../api/session";
import { ConfirmByName } from "../../parts/ConfirmByName";
import { FormDialog } from "../../parts/FormDialog";
import { Newer } from "../../parts/Newer";
import { Failure } from "../../parts/States";
import { useEdit } from "../../parts/useEdit";
import { text } from "../../text";

const path = "/api/v1/organizations/{organizationId}";

/** The name of an organization, whether it may use SCIM, and its end. */
export function Manage({ organization }: { organization: Schemas["Organization"] }) {
  const erasing = organization.eraseTime !== null;
  const isOperator = useSession().kind === "PRINCIPAL_KIND_OPERATOR";
  return (
    <Stack gap="xl" maw="44rem">
      <Name organization={organization} erasing={erasing} />
      {!erasing && <Federation organization={organization} />}
      {!erasing && isOperator && <Erase organization={organization} />}
    </Stack>
  );
}

interface Props {
  organization: Schemas["Organization"];
}

/** Returns what makes the pages read the organization again. */
function useChanged(id: string) {
  const queries = useQueryClient();
  return () =>
    Promise.all([
      queries.invalidateQueries({ queryKey: ["organization", id] }),
      queries.invalidateQueries({ queryKey: ["organizations"] }),
    ]);
}

function Name({ organization, erasing }: Props & { erasing: boolean }) {
  const words = text.settings.manage;
  const edit = useEdit({
    value: { displayName: organization.displayName ?? "" },
    version: organization.etag,
    send: async ({ displayName }, _, etag) => {
      const { organization: now } = await answer(
        api.PATCH(path, { params: { path: { organizationId: organization.id } }, body: { displayName, etag } }),
      );
      return now ? { value: { displayName: now.displayName ?? "" }, version: now.etag } : undefined;
    },
    changed: useChanged(organization.id),
  });
  const { displayName } = edit.draft;
  return (
    <Stack
      component="form"
      gap="sm"
      onSubmit={(event) => {
        event.preventDefault();
        edit.save();
      }}
    >
      <Title order={2}>{words.nameTitle}</Title>
      <TextInput
        label={words.name}
        value={displayName}
        maxLength={200}
        required
        readOnly={erasing}
        autoComplete="off"
        error={displayName.trim() === "" && text.setUp.nameMissing}
        onChange={(event) => edit.set({ displayName: event.currentTarget.value })}
      />
      <Text size="sm" c="dimmed">
        {words.id} <Code>{organization.id}</Code>
      </Text>
      <Newer edit={edit} />
      {edit.error && <Failure error={edit.error} />}
      {!erasing && (
        <Button
          type="submit"
          w="fit-content"
          loading={edit.saving}
          disabled={displayName.trim() === "" || !edit.edited}
        >
          {text.save}
        </Button>
      )}
      <Text size="sm" role="status">
        {edit.saved ? words.saved : ""}
      </Text>
    </Stack>
  );
}

function Federation({ organization }: Props) {
  const words = text.settings.manage;
  const changed = useChanged(organization.id);
  // As it was when the dialogue opened, so that it does not become the opposite under the reader.
  const [asked, setAsked] = useState<Schemas["Organization"]>();
  const { federated } = organization;
  const run = async () => {
    await answer(
      api.PATCH(path, {
        params: { path: { organizationId: organization.id } },
        body: { federated: !asked?.federated, etag: asked?.etag ?? "" },
      }),
    );
    setAsked(undefined);
    await changed();
  };
  return (
    <Stack gap="sm">
      <Title order={2}>{words.federationTitle}</Title>
      <Text>{federated ? text.settings.federated : text.settings.notFederated}</Text>
      <Button variant={federated ? "default" : "filled"} w="fit-content" onClick={() => setAsked(organization)}>
        {federated ? words.stop : words.federate}
      </Button>
      {asked && (
        <FormDialog
          title={asked.federated ? words.stop : words.federate}
          action={asked.federated ? words.stopAction : words.federateAction}
          dangerous={asked.federated ?? false}
          run={run}
          onClose={() => setAsked(undefined)}
        >
          <Text>{asked.federated ? words.stopText : words.federateText}</Text>
        </FormDialog>
      )}
    </Stack>
  );
}

function Erase({ organization }: Props) {
  const words = text.settings.manage;
  const changed = useChanged(organization.id);
  const [asked, setAsked] = useState(false);
  const erase = async () => {
    await answer(api.POST(`${path}:erase`, { params: { path: { organizationId: organization.id } } }));
    await changed();
  };
  return (
    <Stack gap="sm">
      <Title order={2}>{words.eraseTitle}</Title>
      <Text>{words.eraseText}</Text>
      <Text fw={600}>{words.eraseNoUndo}</Text>
      <Button color="red.8" w="fit-content" onClick={() => setAsked(true)}>
        {words.erase}
      </Button>
      <ConfirmByName
        opened={asked}
        title={words.eraseTitle}
        name={organization.displayName || organization.id}
        action={words.erase}
        onConfirm={erase}
        onClose={() => setAsked(false)}
      >
        <Text>{words.eraseText}</Text>
        <Text fw={600}>{words.eraseNoUndo}</Text>
      </ConfirmByName>
    </Stack>
  );
}
