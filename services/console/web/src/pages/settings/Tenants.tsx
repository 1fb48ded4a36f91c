import { Anchor, Button, Code, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { sometimes, useLivePages } from "../../api/live";
import { newRequestId } from "../../api/requestId";
import { useMay } from "../../api/session";
import { DataTable } from "../../parts/DataTable";
import { FormDialog } from "../../parts/FormDialog";
import { More } from "../../parts/More";
import { Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";

type Tenant = Schemas["Tenant"];

const tenantsPath = "/api/v1/organizations/{organizationId}/tenants";

const nameOf = (tenant: Tenant) => tenant.displayName || tenant.id;

/** The tenants of an organization. */
export function Tenants({ organization }: { organization: string }) {
  const words = text.settings.tenants;
  const queries = useQueryClient();
  const mayManage = useMay("MANAGE_ORGANIZATIONS");
  const mayReadAccess = useMay("READ_ACCESS", "GRANT_ACCESS");
  const [dialog, setDialog] = useState<{ of: "create" } | { of: "rename" | "remove"; tenant: Tenant }>();
  const key = ["tenants", organization]; // of the other lists of tenants, too
  const list = useLivePages(
    [...key, "pages"],
    (pageToken) =>
      answer(
        api.GET(tenantsPath, {
          params: { path: { organizationId: organization }, query: { pageSize: 100, pageToken } },
        }),
      ),
    sometimes,
    (pages) => pages <= 1,
  );
  if (!list.data) {
    return list.error ? <Failure error={list.error} retry={() => void list.refetch()} /> : <Loading lines={2} />;
  }
  const all = list.data.pages.flatMap((page) => page.tenants);
  const close = () => setDialog(undefined);
  const changed = async () => {
    close();
    await queries.invalidateQueries({ queryKey: key });
  };
  const props = { organization, onDone: changed, onClose: close };
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Title order={2}>{words.title}</Title>
        {mayManage && (
          <Button variant={all.length === 0 ? "filled" : "default"} onClick={() => setDialog({ of: "create" })}>
            {words.create}
          </Button>
        )}
      </Group>
      <Text>{all.length === 0 ? words.none : words.some}</Text>
      {all.length > 0 && (
        <DataTable
          caption={words.caption}
          columns={{
            ...words.columns,
            ...(mayReadAccess && { access: text.access.title }),
            ...(mayManage && { actions: words.actions }),
          }}
          rows={all.map((tenant) => ({
            key: tenant.id,
            cells: [
              <bdi key="name">{nameOf(tenant)}</bdi>,
              <Code key="id">{tenant.id}</Code>,
              <Time key="created" value={tenant.createTime} as="day" />,
              ...(mayReadAccess
                ? [
                    <Anchor
                      key="access"
                      component={Link}
                      to={paths.access(organization, { tenant: tenant.id })}
                      aria-label={text.access.whoHas(nameOf(tenant))}
                    >
                      {text.access.who}
                    </Anchor>,
                  ]
                : []),
              ...(mayManage
                ? [
                    <Group key="actions" gap="xs" wrap="nowrap">
                      <Button
                        size="xs"
                        variant="default"
                        aria-label={words.renameOf(nameOf(tenant))}
                        onClick={() => setDialog({ of: "rename", tenant })}
                      >
                        {words.rename}
                      </Button>
                      <Button
                        size="xs"
                        variant="default"
                        aria-label={words.removeOf(nameOf(tenant))}
                        onClick={() => setDialog({ of: "remove", tenant })}
                      >
                        {words.remove}
                      </Button>
                    </Group>,
                  ]
                : []),
            ],
          }))}
        />
      )}
      <More list={list} />
      {dialog?.of === "create" && <Create {...props} />}
      {dialog?.of === "rename" && <Rename {...props} tenant={dialog.tenant} />}
      {dialog?.of === "remove" && <Remove {...props} tenant={dialog.tenant} />}
    </Stack>
  );
}

interface DialogProps {
  organization: string;
  onDone: () => Promise<void>;
  onClose: () => void;
}

function Create({ organization, onDone, onClose }: DialogProps) {
  const words = text.settings.tenants;
  const [id, setId] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [requestId] = useState(newRequestId);
  const run = async () => {
    await answer(
      api.POST(tenantsPath, {
        params: { path: { organizationId: organization }, query: { requestId } },
        body: { id: id.trim(), ...(displayName.trim() && { displayName: displayName.trim() }) },
      }),
    );
    await onDone();
  };
  return (
    <FormDialog title={words.create} action={words.create} incomplete={!id.trim()} run={run} onClose={onClose}>
      <TextInput
        label={words.id}
        description={words.idHelp}
        value={id}
        maxLength={63}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setId(event.currentTarget.value)}
        data-autofocus
      />
      <TextInput
        label={words.name}
        description={words.nameHelp}
        value={displayName}
        maxLength={200}
        autoComplete="off"
        onChange={(event) => setDisplayName(event.currentTarget.value)}
      />
    </FormDialog>
  );
}

function Rename({ organization, tenant, onDone, onClose }: DialogProps & { tenant: Tenant }) {
  const words = text.settings.tenants;
  const [displayName, setDisplayName] = useState(nameOf(tenant));
  const run = async () => {
    await answer(
      api.PATCH(`${tenantsPath}/{id}`, {
        params: { path: { organizationId: organization, id: tenant.id } },
        body: { displayName, etag: tenant.etag },
      }),
    );
    await onDone();
  };
  return (
    <FormDialog
      title={words.renameTitle}
      action={text.save}
      incomplete={!displayName.trim() || displayName === tenant.displayName}
      run={run}
      onClose={onClose}
    >
      <TextInput
        label={words.name}
        value={displayName}
        maxLength={200}
        autoComplete="off"
        onChange={(event) => setDisplayName(event.currentTarget.value)}
        data-autofocus
      />
    </FormDialog>
  );
}

function Remove({ organization, tenant, onDone, onClose }: DialogProps & { tenant: Tenant }) {
  const words = text.settings.tenants;
  const run = async () => {
    await answer(
      api.DELETE(`${tenantsPath}/{id}`, { params: { path: { organizationId: organization, id: tenant.id } } }),
    );
    await onDone();
  };
  return (
    <FormDialog title={words.removeTitle} action={words.removeAction} dangerous run={run} onClose={onClose}>
      <Text>{words.removeText(nameOf(tenant))}</Text>
    </FormDialog>
  );
}
