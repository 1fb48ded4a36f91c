import { Button, Code, Group, Modal, Paper, Stack, Text, Textarea, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api, type Schemas } from "../../api/client";
import { sometimes, useLive } from "../../api/live";
import { useMay } from "../../api/session";
import { DataTable } from "../../parts/DataTable";
import { Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { text } from "../../text";
import { number } from "../../text/shell";
import classes from "./Directory.module.css";

const directoryPath = "/api/v1/organizations/{organizationId}/directories/{directoryId}";

/** What the identity provider sends that is not in the standard, or that Usher does not keep. */
export function Dialect({ directory }: { directory: Schemas["Directory"] }) {
  const words = text.directory.dialect;
  const path = { organizationId: directory.organizationId, directoryId: directory.id };
  const quirks = useLive(
    ["quirks", path.organizationId, path.directoryId],
    () => answer(api.GET(`${directoryPath}/quirks`, { params: { path } })),
    sometimes,
  );
  if (!quirks.data) {
    return quirks.error ? <Failure error={quirks.error} retry={() => void quirks.refetch()} /> : <Loading />;
  }
  const { quirks: seen } = quirks.data;
  return (
    <Stack gap="xl">
      <Stack gap="sm">
        <Title order={2}>{words.quirksTitle}</Title>
        <Text c="dimmed">{seen.length === 0 ? words.noQuirks : words.quirks}</Text>
        {seen.length > 0 && (
          <DataTable
            caption={words.captionQuirks}
            columns={words.quirkColumns}
            rows={seen.map((quirk) => ({
              key: quirk.name,
              cells: [
                quirk.meaning,
                quirk.specification,
                number(Number(quirk.messageCount)),
                <Time key="last" value={quirk.lastTime} as="ago" />,
              ],
            }))}
          />
        )}
      </Stack>
      <Ignored directory={directory} quirks={quirks.data} />
      <Registered directory={directory} />
    </Stack>
  );
}

/** What the directory does not keep, and the schemas with which it would. */
export function Ignored({
  directory,
  quirks,
}: {
  directory: Schemas["Directory"];
  quirks: Schemas["ListQuirksResponse"];
}) {
  const words = text.directory.dialect;
  const { ignoredValues, suggestedSchemas } = quirks;
  return (
    <Stack gap="sm">
      <Title order={2}>{words.ignoredTitle}</Title>
      <Text c="dimmed">{ignoredValues.length === 0 ? words.noIgnored : words.ignored}</Text>
      {ignoredValues.length > 0 && (
        <DataTable
          caption={words.captionIgnored}
          columns={words.ignoredColumns}
          rows={ignoredValues.map((value) => ({
            key: value.path,
            cells: [
              <Code key="path">{value.path}</Code>,
              number(Number(value.messageCount)),
              <Time key="last" value={value.lastTime} as="ago" />,
            ],
          }))}
        />
      )}
      <SuggestedSchemas directory={directory} schemas={suggestedSchemas} />
    </Stack>
  );
}

/** The schemas with which the directory would keep what it ignores now. */
function SuggestedSchemas({
  directory,
  schemas,
}: {
  directory: Schemas["Directory"];
  schemas: Schemas["SuggestedSchema"][];
}) {
  const words = text.directory.dialect;
  const mayRegister = useMay("MANAGE_DIRECTORIES") && directory.state !== "DIRECTORY_STATE_DELETED";
  if (schemas.length === 0 || !mayRegister) {
    return null;
  }
  return (
    <>
      <Title order={2}>{words.suggestedTitle}</Title>
      <Text c="dimmed">{words.suggested}</Text>
      {schemas.map((schema) => (
        <Suggested key={schema.id} directory={directory} schema={schema} />
      ))}
    </>
  );
}

function Suggested({ directory, schema }: { directory: Schemas["Directory"]; schema: Schemas["SuggestedSchema"] }) {
  const words = text.directory.dialect;
  const path = { organizationId: directory.organizationId, directoryId: directory.id };
  const queries = useQueryClient();
  const [definition, setDefinition] = useState(() => JSON.stringify(schema.definition, null, 2));
  const parsed = parse(definition);
  const register = useMutation({
    mutationFn: () =>
      answer(
        api.PUT(`${directoryPath}/schemas/{id}`, {
          params: { path: { ...path, id: schema.id } },
          body: {
            resourceType: schema.resourceType === "RESOURCE_TYPE_GROUP" ? "RESOURCE_TYPE_GROUP" : "RESOURCE_TYPE_USER",
            definition: parsed ?? {},
          },
        }),
      ),
    onSuccess: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: ["quirks", path.organizationId, path.directoryId] }),
        queries.invalidateQueries({ queryKey: ["schemas", path.organizationId, path.directoryId] }),
      ]),
  });
  return (
    <Paper withBorder p="md">
      <Stack gap="sm">
        <Textarea
          className={classes.code ?? ""}
          label={words.definition(schema.id)}
          description={words.types[schema.resourceType]}
          value={definition}
          onChange={(event) => setDefinition(event.currentTarget.value)}
          error={!parsed && words.notJson}
          autosize
          minRows={4}
          maxRows={16}
          spellCheck={false}
          dir="ltr"
        />
        {register.error && <Failure error={register.error} />}
        <Button w="fit-content" disabled={!parsed} loading={register.isPending} onClick={() => register.mutate()}>
          {words.register}
        </Button>
      </Stack>
    </Paper>
  );
}

/** Returns the object that a text is in JSON, or undefined. */
function parse(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The schemas that the directory has. */
function Registered({ directory }: { directory: Schemas["Directory"] }) {
  const words = text.directory.dialect;
  const path = { organizationId: directory.organizationId, directoryId: directory.id };
  const queries = useQueryClient();
  const mayChange = useMay("MANAGE_DIRECTORIES") && directory.state !== "DIRECTORY_STATE_DELETED";
  const [removed, setRemoved] = useState("");
  const schemas = useLive(
    ["schemas", path.organizationId, path.directoryId],
    () => answer(api.GET(`${directoryPath}/schemas`, { params: { path } })),
    sometimes,
  );
  const remove = useMutation({
    mutationFn: (id: string) =>
      answer(api.DELETE(`${directoryPath}/schemas/{id}`, { params: { path: { ...path, id } } })),
    onSuccess: async () => {
      setRemoved("");
      await queries.invalidateQueries({ queryKey: ["schemas", path.organizationId, path.directoryId] });
    },
  });
  return (
    <Stack gap="sm">
      <Title order={2}>{words.schemasTitle}</Title>
      {schemas.error && <Failure error={schemas.error} />}
      {schemas.data?.schemas.length === 0 && <Text c="dimmed">{words.noSchemas}</Text>}
      {schemas.data?.schemas.map((schema) => (
        <Paper key={schema.id} withBorder p="sm">
          <Group justify="space-between">
            <Stack gap={0} miw={0} flex="1 1 14rem">
              <Code style={{ overflowWrap: "anywhere" }}>{schema.id}</Code>
              <Text size="xs" c="dimmed">
                {words.types[schema.resourceType]}, {words.attributes(attributesOf(schema.definition))}
              </Text>
            </Stack>
            {mayChange && (
              <Button size="xs" variant="default" onClick={() => setRemoved(schema.id)}>
                {words.remove}
              </Button>
            )}
          </Group>
        </Paper>
      ))}
      <Modal
        opened={removed !== ""}
        onClose={() => setRemoved("")}
        title={words.removeTitle}
        closeButtonProps={{ "aria-label": text.close }}
      >
        <Stack>
          <Code style={{ overflowWrap: "anywhere" }}>{removed}</Code>
          <Text>{words.removeText}</Text>
          {remove.error && <Failure error={remove.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setRemoved("")}>
              {text.cancel}
            </Button>
            <Button color="red.8" loading={remove.isPending} onClick={() => remove.mutate(removed)}>
              {words.remove}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </Stack>
  );
}

function attributesOf(definition: unknown): number {
  const attributes = (definition as { attributes?: unknown[] } | null)?.attributes;
  return Array.isArray(attributes) ? attributes.length : 0;
}
