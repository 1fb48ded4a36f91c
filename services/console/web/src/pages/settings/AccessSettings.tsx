import { Button, Radio, Stack, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { answer, api, type Schemas } from "../../api/client";
import { sometimes, useLive } from "../../api/live";
import { useMay } from "../../api/session";
import { Newer } from "../../parts/Newer";
import { Failure, Loading } from "../../parts/States";
import { useEdit } from "../../parts/useEdit";
import { text } from "../../text";

const path = "/api/v1/organizations/{organizationId}/accessSettings";

const keyOf = (organizationId: string) => ["accessSettings", organizationId];

/** The organization's choices about access. */
export function AccessSettings({ organization }: { organization: string }) {
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
  return <Choice organization={organization} settings={read} />;
}

const fieldsOf = ({ whenUnknown }: Schemas["AccessSettings"]) => ({ whenUnknown });

function Choice({ organization, settings }: { organization: string; settings: Schemas["AccessSettings"] }) {
  const words = text.settings.access;
  const queries = useQueryClient();
  const mayChange = useMay("MANAGE_RULES");
  const edit = useEdit({
    value: fieldsOf(settings),
    version: settings.etag,
    send: async (draft, _, etag) => {
      const { settings: now } = await answer(
        api.PATCH(path, { params: { path: { organizationId: organization } }, body: { ...draft, etag } }),
      );
      return now ? { value: fieldsOf(now), version: now.etag } : undefined;
    },
    changed: () => queries.invalidateQueries({ queryKey: keyOf(organization) }),
  });
  return (
    <Stack
      component="form"
      maw="44rem"
      onSubmit={(event) => {
        event.preventDefault();
        edit.save();
      }}
    >
      <Radio.Group
        label={words.situation}
        description={words.help}
        value={edit.draft.whenUnknown}
        onChange={(value) => edit.set({ whenUnknown: value as typeof settings.whenUnknown })}
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
      <Newer edit={edit} />
      {edit.error && <Failure error={edit.error} />}
      {mayChange ? (
        <Button type="submit" w="fit-content" loading={edit.saving} disabled={!edit.edited}>
          {text.save}
        </Button>
      ) : (
        <Text size="sm" c="dimmed">
          {words.viewer}
        </Text>
      )}
      <Text size="sm" role="status">
        {edit.saved ? words.saved : ""}
      </Text>
    </Stack>
  );
}
