import { Button, Radio, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { answer, api, type Schemas } from "../../api/client";
import { useMay } from "../../api/session";
import { Newer } from "../../parts/Newer";
import { Failure } from "../../parts/States";
import { changesOf, useEdit } from "../../parts/useEdit";
import { text } from "../../text";

function fieldsOf(directory: Schemas["Directory"]) {
  return {
    displayName: directory.displayName ?? "",
    mode: directory.mode,
    uniqueGroupNames: directory.uniqueGroupNames ?? false,
    adoptByName: directory.adoptByName ?? false,
  };
}

/** The settings of a directory. */
export function Settings({ directory }: { directory: Schemas["Directory"] }) {
  const words = text.directory.settings;
  const { organizationId, id } = directory;
  const queries = useQueryClient();
  const mayChange = useMay("MANAGE_DIRECTORIES") && directory.state !== "DIRECTORY_STATE_DELETED";
  const edit = useEdit({
    value: fieldsOf(directory),
    version: directory.etag,
    send: async (draft, base, etag) => {
      const { directory: now } = await answer(
        api.PATCH("/api/v1/organizations/{organizationId}/directories/{id}", {
          params: { path: { organizationId, id } },
          body: { ...changesOf(draft, base), etag },
        }),
      );
      return now ? { value: fieldsOf(now), version: now.etag } : undefined;
    },
    changed: () => queries.invalidateQueries({ queryKey: ["directory", organizationId, id] }),
  });
  const { displayName, mode, uniqueGroupNames, adoptByName } = edit.draft;
  return (
    <Stack
      component="form"
      maw="40rem"
      onSubmit={(event) => {
        event.preventDefault();
        edit.save();
      }}
    >
      <TextInput
        label={words.name}
        value={displayName}
        maxLength={200}
        required={mayChange}
        readOnly={!mayChange}
        autoComplete="off"
        error={displayName.trim() === "" && text.setUp.nameMissing}
        onChange={(event) => edit.set({ displayName: event.currentTarget.value })}
      />
      <Radio.Group label={words.mode} value={mode} onChange={(value) => edit.set({ mode: value as typeof mode })}>
        <Stack gap="xs" mt="xs">
          {Object.entries(words.modes).map(([value, label]) => (
            <Radio key={value} value={value} label={label} description={words.modeHelp[value]} disabled={!mayChange} />
          ))}
        </Stack>
      </Radio.Group>
      <Switch
        label={words.uniqueGroups}
        description={words.uniqueGroupsHelp}
        checked={uniqueGroupNames}
        disabled={!mayChange}
        onChange={(event) => edit.set({ uniqueGroupNames: event.currentTarget.checked })}
      />
      {directory.replacesId && (
        <Switch
          label={words.adoptByName}
          description={words.adoptByNameHelp}
          checked={adoptByName}
          disabled={!mayChange}
          onChange={(event) => edit.set({ adoptByName: event.currentTarget.checked })}
        />
      )}
      <Newer edit={edit} />
      {edit.error && <Failure error={edit.error} />}
      {mayChange && (
        <Button
          type="submit"
          w="fit-content"
          loading={edit.saving}
          disabled={!edit.edited || displayName.trim() === ""}
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
