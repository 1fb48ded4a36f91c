import { Anchor, Button, Code, NativeSelect, NumberInput, Text, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { sometimes, useLive } from "../../api/live";
import { useLastOrganization } from "../../api/organization";
import { newRequestId } from "../../api/requestId";
import { useMay, useSession } from "../../api/session";
import { DataTable } from "../../parts/DataTable";
import { FormDialog } from "../../parts/FormDialog";
import { Page } from "../../parts/Page";
import { Failure, Loading } from "../../parts/States";
import { paths } from "../../paths";
import { text } from "../../text";
import { number } from "../../text/shell";

type Role = Schemas["Role"];

const key = ["roles"];
const path = "/api/v1/roles";

/** The role that Usher itself needs. Nobody can delete it. */
const organizationAdmin = "organization-admin";

/** The catalogue of roles, which all organizations share. */
export function Roles() {
  const words = text.roles;
  const queries = useQueryClient();
  const mayManage = useSession().kind === "PRINCIPAL_KIND_OPERATOR";
  const mayReadAccess = useMay("READ_ACCESS", "GRANT_ACCESS");
  const organization = useLastOrganization();
  const linked = mayReadAccess && organization !== "";
  const [dialog, setDialog] = useState<{ of: "create" } | { of: "remove"; role: Role }>();
  const list = useLive(key, () => answer(api.GET(path)), 4 * sometimes);
  const roles = list.data?.roles ?? [];
  const close = () => setDialog(undefined);
  const changed = async () => {
    close();
    await queries.invalidateQueries({ queryKey: key });
  };
  return (
    <Page
      title={words.title}
      situation={list.data && words.situation(roles.length)}
      above={mayManage ? [{ title: text.organizations.title, to: paths.organizations }] : []}
      action={
        mayManage &&
        list.data && (
          <Button variant="default" onClick={() => setDialog({ of: "create" })}>
            {words.create}
          </Button>
        )
      }
    >
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && !list.error && <Loading />}
      {roles.length > 0 && (
        <DataTable
          caption={words.caption}
          columns={{
            ...words.columns,
            ...(linked && { access: text.access.title }),
            ...(mayManage && { actions: words.actions }),
          }}
          rows={roles.map((role) => ({
            key: role.id,
            cells: [
              <bdi key="name">{role.displayName}</bdi>,
              <Code key="id">{role.id}</Code>,
              words.scopes[role.scope] ?? role.scope,
              number(role.rank),
              ...(linked
                ? [
                    <Anchor
                      key="access"
                      component={Link}
                      to={paths.access(organization, { role: role.id })}
                      aria-label={text.access.whoHas(role.displayName)}
                    >
                      {text.access.who}
                    </Anchor>,
                  ]
                : []),
              ...(mayManage
                ? [
                    role.id !== organizationAdmin && (
                      <Button
                        key="remove"
                        size="xs"
                        variant="default"
                        aria-label={words.removeOf(role.displayName)}
                        onClick={() => setDialog({ of: "remove", role })}
                      >
                        {words.remove}
                      </Button>
                    ),
                  ]
                : []),
            ],
          }))}
        />
      )}
      {dialog?.of === "create" && <Create onDone={changed} onClose={close} />}
      {dialog?.of === "remove" && (
        <FormDialog
          title={words.removeTitle}
          action={words.removeAction}
          dangerous
          run={async () => {
            await answer(api.DELETE(`${path}/{id}`, { params: { path: { id: dialog.role.id } } }));
            await changed();
          }}
          onClose={close}
        >
          <Text>{words.removeText(dialog.role.displayName)}</Text>
        </FormDialog>
      )}
    </Page>
  );
}

function Create({ onDone, onClose }: { onDone: () => Promise<void>; onClose: () => void }) {
  const words = text.roles;
  const [id, setId] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [scope, setScope] = useState<Role["scope"]>("ROLE_SCOPE_TENANT");
  const [rank, setRank] = useState<number | string>(0);
  const [requestId] = useState(newRequestId);
  const run = async () => {
    await answer(
      api.POST(path, {
        params: { query: { requestId } },
        body: { id: id.trim(), displayName: displayName.trim(), scope, rank: Number(rank) },
      }),
    );
    await onDone();
  };
  return (
    <FormDialog
      title={words.create}
      action={words.create}
      incomplete={!id.trim() || rank === ""}
      run={run}
      onClose={onClose}
    >
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
      <NativeSelect
        label={words.scope}
        value={scope}
        onChange={(event) => setScope(event.currentTarget.value as Role["scope"])}
        data={Object.entries(words.scopes).map(([value, label]) => ({ value, label }))}
      />
      <NumberInput
        label={words.rank}
        description={words.rankHelp}
        value={rank}
        onChange={setRank}
        min={0}
        max={1_000_000}
        allowDecimal={false}
        hideControls
      />
    </FormDialog>
  );
}
