import { Anchor, Button, Collapse, Fieldset, Radio, SimpleGrid, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { allDirectoriesKey, readAllDirectories } from "../../api/directories";
import { newRequestId } from "../../api/requestId";
import { useRules } from "../../api/rules";
import { useMay, useSession } from "../../api/session";
import { handOver } from "../../api/shownOnce";
import { Page } from "../../parts/Page";
import { Failure } from "../../parts/States";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";
import { type Provider, providers } from "../../text/setUp";
import { rememberProvider } from "./chosenProvider";

/** Asks for what a new directory needs, and creates it. */
export function NewDirectory() {
  const words = text.setUp;
  const { organization = "" } = useParams();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const all = useAllDirectories(organization);
  const replaceable = replaceableOf(all);
  const [provider, setProvider] = useState<Provider>();
  const [name, setName] = useState<string>();
  const [search] = useSearchParams();
  const [replaces, setReplaces] = useState(search.get("replaces") ?? undefined);
  const [adoptByName, setAdoptByName] = useState(false);
  const [strict, setStrict] = useState(false);
  const [uniqueGroupNames, setUniqueGroupNames] = useState(false);
  const [more, { toggle }] = useDisclosure();
  const [requestId] = useState(newRequestId);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [pressed, setPressed] = useState(false);
  const providerField = useRef<HTMLDivElement>(null);
  const nameField = useRef<HTMLInputElement>(null);
  const replacesField = useRef<HTMLDivElement>(null);
  const displayName = (name ?? (provider === undefined || provider === "generic" ? "" : providers[provider])).trim();
  const taken = all.some(
    (d) => d.state !== "DIRECTORY_STATE_DELETED" && d.displayName?.trim().toLowerCase() === displayName.toLowerCase(),
  );
  // A directory replaces another one only because somebody says so.
  const undecided = replaces === undefined && replaceable.length > 0;
  const replacesId = replaces ?? "";

  const create = async (event: FormEvent) => {
    event.preventDefault();
    setPressed(true);
    if (provider === undefined) {
      providerField.current?.querySelector<HTMLElement>("[role=radio]")?.focus();
      return;
    }
    if (displayName === "") {
      nameField.current?.focus();
      return;
    }
    if (undecided) {
      replacesField.current?.querySelector<HTMLElement>("[type=radio]")?.focus();
      return;
    }
    setBusy(true);
    setError(undefined);
    try {
      // Not a mutation: its cache would keep the secret.
      const made = await answer(
        api.POST("/api/v1/organizations/{organizationId}/directories", {
          params: { path: { organizationId: organization }, query: { requestId, replaceNone: replacesId === "" } },
          body: {
            displayName,
            mode: strict ? "DIRECTORY_MODE_STRICT" : "DIRECTORY_MODE_TOLERANT",
            uniqueGroupNames,
            replacesId,
            adoptByName: replacesId !== "" && adoptByName,
          },
        }),
      );
      const id = made.directory?.id ?? "";
      rememberProvider(id, provider);
      if (made.secret) {
        handOver(id, made.secret);
      }
      await queries.invalidateQueries({ queryKey: ["session"] }); // a session for one new directory opens it from now on
      void queries.invalidateQueries({ queryKey: ["directories", organization] });
      await navigate(`${paths.setUp(organization, id)}?provider=${provider}`, { replace: true });
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };

  return (
    <Page
      title={words.newTitle}
      situation={words.newSituation}
      above={[{ title: text.overview.title, to: paths.overview(organization) }]}
    >
      <Stack component="form" onSubmit={create} maw="44rem" gap="lg">
        <Radio.Group
          ref={providerField}
          label={words.provider}
          description={words.providerHelp}
          error={pressed && provider === undefined && words.providerMissing}
          errorProps={{ role: "alert", mt: "xs" }}
          withAsterisk
          value={provider ?? null}
          onChange={(value) => setProvider(value as Provider)}
        >
          <SimpleGrid cols={{ base: 1, xs: 2 }} mt="sm" spacing="xs">
            {Object.entries(providers).map(([id, label]) => (
              <Radio.Card key={id} value={id} p="sm" withBorder>
                <Stack gap={0} style={{ flexDirection: "row", alignItems: "center", columnGap: "0.6rem" }}>
                  <Radio.Indicator />
                  <Text size="sm">{label}</Text>
                </Stack>
              </Radio.Card>
            ))}
          </SimpleGrid>
        </Radio.Group>
        <Stack gap={4}>
          <TextInput
            ref={nameField}
            label={words.name}
            description={words.nameHelp}
            value={name ?? displayName}
            onChange={(event) => setName(event.currentTarget.value)}
            maxLength={200}
            error={(pressed || name !== undefined) && displayName === "" && words.nameMissing}
            withAsterisk
            aria-required
            autoComplete="off"
          />
          <Text size="sm" role="status">
            {taken && words.nameTaken(displayName)}
          </Text>
        </Stack>
        {replaceable.length > 0 && (
          <Radio.Group
            ref={replacesField}
            label={words.replaces}
            description={words.replacesHelp}
            error={pressed && undecided && words.replacesMissing}
            errorProps={{ role: "alert", mt: "xs" }}
            withAsterisk
            value={replaces ?? null}
            onChange={setReplaces}
          >
            <Stack gap="xs" mt="sm">
              {replaceable.map((d) => (
                <Radio
                  key={d.id}
                  value={d.id}
                  label={
                    <>
                      {words.replacesOne} <bdi>{d.displayName ?? d.id}</bdi>
                    </>
                  }
                  description={
                    <>
                      {words.deletedAt} <Time value={d.deleteTime} as="day" />
                    </>
                  }
                />
              ))}
              <Radio value="" label={words.replacesNone} />
            </Stack>
          </Radio.Group>
        )}
        {replacesId !== "" && (
          <Radio.Group
            label={words.sender}
            value={adoptByName ? "other" : "same"}
            onChange={(value) => setAdoptByName(value === "other")}
          >
            <Stack gap="xs" mt="sm">
              <Radio value="same" label={words.senderSame} description={words.senderSameHelp} />
              <Radio value="other" label={words.senderOther} description={words.senderOtherHelp} />
            </Stack>
          </Radio.Group>
        )}
        <Button variant="subtle" w="fit-content" onClick={toggle} aria-expanded={more}>
          {words.more}
        </Button>
        <Collapse expanded={more}>
          <Fieldset legend={words.more}>
            <Stack>
              <Switch
                label={words.strict}
                description={words.strictHelp}
                checked={strict}
                onChange={(event) => setStrict(event.currentTarget.checked)}
              />
              <Switch
                label={words.uniqueGroups}
                checked={uniqueGroupNames}
                onChange={(event) => setUniqueGroupNames(event.currentTarget.checked)}
              />
            </Stack>
          </Fieldset>
        </Collapse>
        <RulesApply organization={organization} />
        {error !== undefined && <Failure error={error} />}
        <Button type="submit" w="fit-content" loading={busy}>
          {words.create}
        </Button>
      </Stack>
    </Page>
  );
}

/** Reads the directories of the organization, including deleted ones. */
function useAllDirectories(organization: string): Schemas["Directory"][] {
  const { data = [] } = useQuery({
    queryKey: allDirectoriesKey(organization),
    queryFn: () => readAllDirectories(organization),
    staleTime: 0,
  });
  return data;
}

/** Returns the deleted directories that no other directory has replaced, the one that was deleted last first. */
function replaceableOf(all: Schemas["Directory"][]): Schemas["Directory"][] {
  const replaced = new Set(all.map((d) => d.replacesId));
  return all
    .filter((d) => d.state === "DIRECTORY_STATE_DELETED" && !replaced.has(d.id))
    .sort((a, b) => Date.parse(b.deleteTime ?? "") - Date.parse(a.deleteTime ?? ""));
}

/** Says that the rules of the organization apply to a new directory, too. */
function RulesApply({ organization }: { organization: string }) {
  const words = text.setUp;
  const { oneDirectory } = useSession();
  const may = useMay("MANAGE_RULES", "READ_ACCESS") && !oneDirectory;
  const { rules } = useRules(organization, may);
  return (
    <Text size="sm">
      {words.rulesApply} {rules && words.rulesNow(rules.length)}{" "}
      {may && (
        <Anchor component={Link} to={paths.rules(organization)} target="_blank" inherit underline="always">
          {words.rulesAction}
        </Anchor>
      )}
    </Text>
  );
}
