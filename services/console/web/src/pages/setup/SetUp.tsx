import { Alert, Anchor, Button, Checkbox, Paper, Stack, Text, Title } from "@mantine/core";
import { useEffect, useState } from "react";
import { Link, useParams, useSearchParams } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { readKeys } from "../../api/keys";
import { often, sometimes, useLive } from "../../api/live";
import { forget, received } from "../../api/shownOnce";
import { BaseUrl } from "../../parts/BaseUrl";
import { CopyField } from "../../parts/CopyField";
import { Leave } from "../../parts/Leave";
import { Page } from "../../parts/Page";
import { Failure, Loading } from "../../parts/States";
import { paths } from "../../paths";
import { text } from "../../text";
import { type Provider, providers } from "../../text/setUp";
import { Ignored } from "../directory/Dialect";
import { Checklist } from "./Checklist";
import { chosenProvider, rememberProvider } from "./chosenProvider";
import { Guide } from "./Guide";
import classes from "./SetUp.module.css";
import { stepsOf } from "./steps";

/** Leads an admin from the values of a new directory to the first messages. */
export function SetUp() {
  const { organization = "", directory = "" } = useParams();
  return <OfDirectory key={directory} organization={organization} id={directory} />; // with a key, no state passes to another directory
}

function OfDirectory({ organization, id }: { organization: string; id: string }) {
  // The secret lives as long as this page, and nowhere else.
  const [secret] = useState(() => received(id));
  useEffect(forget, []);
  const path = { organizationId: organization, id };
  const directory = useLive(
    ["directory", organization, id],
    () => answer(api.GET("/api/v1/organizations/{organizationId}/directories/{id}", { params: { path } })),
    often,
  );
  if (!directory.data?.directory) {
    return directory.error ? (
      <Page title={text.nav.directory}>
        <Failure error={directory.error} retry={() => void directory.refetch()} />
      </Page>
    ) : (
      <Loading />
    );
  }
  return <Steps directory={directory.data.directory} secret={secret} />;
}

function Steps({ directory, secret }: { directory: Schemas["Directory"]; secret: string | undefined }) {
  const words = text.setUp;
  const { organizationId, id } = directory;
  const [search, setSearch] = useSearchParams();
  const inAddress = search.get("provider") ?? "";
  const provider: Provider = Object.hasOwn(providers, inAddress)
    ? (inAddress as Provider)
    : (chosenProvider(id) ?? "generic");
  const path = { organizationId, directoryId: id };
  const progress = useLive(
    ["progress", organizationId, id],
    () =>
      answer(
        api.GET("/api/v1/organizations/{organizationId}/directories/{directoryId}/progress", { params: { path } }),
      ),
    often,
  );
  const keys = useLive(["keys", organizationId, id], () => readKeys(organizationId, id), often);
  const quirks = useLive(
    ["quirks", organizationId, id],
    () =>
      answer(api.GET("/api/v1/organizations/{organizationId}/directories/{directoryId}/quirks", { params: { path } })),
    sometimes,
  ).data;
  const steps = stepsOf(keys.data ?? [], progress.data?.progress?.milestones ?? []);
  const overview = { title: text.overview.title, to: paths.overview(organizationId) };
  const name = directory.displayName ?? id;
  return (
    <Page
      title={words.title(name)}
      situation={progress.data && words.situation(Object.keys(steps).length, Object.keys(words.steps).length)}
      above={[overview, { title: name, to: paths.directory(organizationId, id) }]}
      action={
        <Button component={Link} to={paths.directory(organizationId, id)} variant="default">
          {words.openDirectory}
        </Button>
      }
    >
      <div className={classes.columns}>
        <Stack gap="lg" className={classes.text}>
          <Values directory={directory} secret={secret} />
          <Guide
            provider={provider}
            onProvider={(value) => {
              rememberProvider(id, value);
              setSearch({ provider: value }, { replace: true });
            }}
            baseUrl={directory.baseUrl}
            secret={secret}
          />
          {quirks && <NotKept directory={directory} quirks={quirks} />}
        </Stack>
        <div className={classes.checklist}>
          {progress.error && <Failure error={progress.error} retry={() => void progress.refetch()} />}
          <Checklist directory={directory} keys={keys.data ?? []} progress={progress.data} />
        </div>
      </div>
    </Page>
  );
}

/** What the identity provider sends and Usher does not keep. Most of it needs nothing. */
function NotKept({ directory, quirks }: { directory: Schemas["Directory"]; quirks: Schemas["ListQuirksResponse"] }) {
  const words = text.setUp;
  if (quirks.suggestedSchemas.length > 0) {
    return <Ignored directory={directory} quirks={quirks} />;
  }
  if (quirks.ignoredValues.length === 0) {
    return null;
  }
  return (
    <Text size="sm" c="dimmed">
      {words.ignored}{" "}
      <Anchor
        component={Link}
        to={paths.directory(directory.organizationId, directory.id, "dialect")}
        underline="always"
      >
        {words.ignoredAction}
      </Anchor>
    </Text>
  );
}

/** The Base URL and, only once, the API key. */
function Values({ directory, secret }: { directory: Schemas["Directory"]; secret: string | undefined }) {
  const words = text.setUp;
  const [stored, setStored] = useState(false);
  const wouldLose = secret !== undefined && !stored;
  return (
    <Paper withBorder p="md">
      <Stack>
        <Title order={2}>{words.values}</Title>
        <BaseUrl description={words.baseUrlHelp} value={directory.baseUrl} />
        {secret === undefined ? (
          <Text size="sm" c="dimmed">
            {words.keyGone}{" "}
            <Anchor
              component={Link}
              to={paths.directory(directory.organizationId, directory.id, "keys")}
              underline="always"
            >
              {words.keyGoneAction}
            </Anchor>
          </Text>
        ) : (
          <>
            <CopyField label={words.key} description={words.keyHelp} value={secret} />
            <Alert color="yellow" title={words.shownOnce}>
              {words.shownOnceAction}
            </Alert>
            <Checkbox
              label={words.stored}
              checked={stored}
              onChange={(event) => setStored(event.currentTarget.checked)}
            />
          </>
        )}
      </Stack>
      <Leave blocked={wouldLose} />
    </Paper>
  );
}
