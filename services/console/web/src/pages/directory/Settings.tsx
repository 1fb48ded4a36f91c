import { Button, Radio, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api, type Schemas } from "../../api/client";
import { useMay } from "../../api/session";
import { Failure } from "../../parts/States";
import { text } from "../../text";

/** The settings of a directory. */
export function Settings({ directory }: { directory: Schemas["Directory"] }) {
  const words = text.directory.settings;
  const { organizationId, id, etag } = directory;
  const queries = useQueryClient();
  const mayChange = useMay("MANAGE_DIRECTORIES") && directory.state !== "DIRECTORY_STATE_DELETED";
  const [displayName, setDisplayName] = useState(directory.displayName ?? "");
  const [mode, setMode] = useState(directory.mode);
  const [uniqueGroupNames, setUniqueGroupNames] = useState(directory.uniqueGroupNames ?? false);
  const [adoptByName, setAdoptByName] = useState(directory.adoptByName ?? false);
  const unchanged =
    displayName.trim() === directory.displayName &&
    mode === directory.mode &&
    uniqueGroupNames === directory.uniqueGroupNames &&
    adoptByName === directory.adoptByName;
  const save = useMutation({
    mutationFn: () =>
      answer(
        api.PATCH("/api/v1/organizations/{organizationId}/directories/{id}", {
          params: { path: { organizationId, id } },
          body: { displayName: displayName.trim(), mode, uniqueGroupNames, adoptByName, etag },
        }),
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["directory", organizationId, id] }),
  });
  return (
    <Stack
      component="form"
      maw="40rem"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
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
        onChange={(event) => setDisplayName(event.currentTarget.value)}
      />
      <Radio.Group label={words.mode} value={mode} onChange={(value) => setMode(value as typeof mode)}>
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
        onChange={(event) => setUniqueGroupNames(event.currentTarget.checked)}
      />
      {directory.replacesId && (
        <Switch
          label={words.adoptByName}
          description={words.adoptByNameHelp}
          checked={adoptByName}
          disabled={!mayChange}
          onChange={(event) => setAdoptByName(event.currentTarget.checked)}
        />
      )}
      {save.error && <Failure error={save.error} />}
      {mayChange && (
        <Button
          type="submit"
          w="fit-content"
          loading={save.isPending}
          disabled={unchanged || displayName.trim() === ""}
        >
          {text.save}
        </Button>
      )}
      <Text size="sm" role="status">
        {save.isSuccess && unchanged ? words.saved : ""}
      </Text>
    </Stack>
  );
}
