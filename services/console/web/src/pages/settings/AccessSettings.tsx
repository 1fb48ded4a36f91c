import { Button, Radio, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api, type Schemas } from "../../api/client";
import { sometimes, useLive } from "../../api/live";
import { useMay } from "../../api/session";
import { Failure, Loading } from "../../parts/States";
import { text } from "../../text";

const path = "/api/v1/organizations/{organizationId}/accessSettings";

const keyOf = (organizationId: string) => ["accessSettings", organizationId];

/** The organization's choices about access. */
export function AccessSettings({ organization }: { organization: string }) {
  const [saved, setSaved] = useState("");
  const settings = useLive(
    keyOf(organization),
    () => answer(api.GET(path, { params: { path: { organizationId: organization } } })),
    sometimes,
  );
  const read = settings.data?.settings;
  if (!read) {
    return settings.error ? (
      <Failure error={settings.error} retry={() => void settings.refetch()} />
    ) : (
      <Loading lines={2} />
    );
  }
  return (
    <Choice
      key={read.etag}
      organization={organization}
      settings={read}
      saved={saved === read.whenUnknown}
      onSaved={setSaved}
    />
  );
}

interface ChoiceProps {
  organization: string;
  settings: Schemas["AccessSettings"];
  saved: boolean;
  onSaved: (choice: string) => void;
}

function Choice({ organization, settings, saved, onSaved }: ChoiceProps) {
  const words = text.settings.access;
  const queries = useQueryClient();
  const mayChange = useMay("MANAGE_RULES");
  const [whenUnknown, setWhenUnknown] = useState(settings.whenUnknown);
  const unchanged = whenUnknown === settings.whenUnknown;
  const save = useMutation({
    mutationFn: () =>
      answer(
        api.PATCH(path, {
          params: { path: { organizationId: organization } },
          body: { whenUnknown, etag: settings.etag },
        }),
      ),
    onSuccess: async () => {
      onSaved(whenUnknown);
      await queries.invalidateQueries({ queryKey: keyOf(organization) });
    },
  });
  return (
    <Stack
      component="form"
      maw="44rem"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Radio.Group
        label={words.situation}
        description={words.help}
        value={whenUnknown}
        onChange={(value) => setWhenUnknown(value as typeof whenUnknown)}
      >
        <Stack gap="xs" mt="sm">
          {Object.entries(words.choices).map(([value, label]) => (
            <Radio
              key={value}
              value={value}
              label={label}
              description={words.choiceHelp[value]}
              disabled={!mayChange}
            />
          ))}
        </Stack>
      </Radio.Group>
      {save.error && <Failure error={save.error} />}
      {mayChange ? (
        <Button type="submit" w="fit-content" loading={save.isPending} disabled={unchanged}>
          {text.save}
        </Button>
      ) : (
        <Text size="sm" c="dimmed">
          {words.viewer}
        </Text>
      )}
      <Text size="sm" role="status">
        {saved && unchanged ? words.saved : ""}
      </Text>
    </Stack>
  );
}
