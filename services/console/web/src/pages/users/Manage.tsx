import { Button, Stack, Switch, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import { useNavigate } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { ConfirmByName } from "../../parts/ConfirmByName";
import { Newer } from "../../parts/Newer";
import { Failure } from "../../parts/States";
import { changesOf, useEdit } from "../../parts/useEdit";
import { paths } from "../../paths";
import { text } from "../../text";
import { useAccessChanged } from "./byHand";
import { Who } from "./Who";

type User = Schemas["User"];

/** Changes a detached user, which no identity provider manages any more, or erases it. */
export function Manage({ user }: { user: User }) {
  return (
    <Stack gap="xl">
      <EditUser user={user} />
      <Erase user={user} />
    </Stack>
  );
}

/** What can be changed of a detached user. */
function fieldsOf({ userName, displayName, email, externalId, active }: User) {
  return { userName, displayName, email, externalId, active };
}

function EditUser({ user }: { user: User }) {
  const words = text.users;
  const edit = useEdit({
    value: fieldsOf(user),
    version: user.revision,
    send: async (draft, base, revision) => {
      const { user: now } = await answer(
        api.PATCH("/api/v1/organizations/{organizationId}/users/{userId}", {
          params: { path: { organizationId: user.organizationId, userId: user.id }, query: { revision } },
          body: changesOf(draft, base),
        }),
      );
      return now ? { value: fieldsOf(now), version: now.revision } : undefined;
    },
    changed: useAccessChanged(user.organizationId),
  });
  const { draft, set } = edit;
  const field = (name: "userName" | "displayName" | "email" | "externalId") => (
    <TextInput
      label={words.facts[name]}
      value={draft[name]}
      maxLength={1000}
      autoComplete="off"
      spellCheck={false}
      error={name === "userName" && draft.userName.trim() === "" && words.nameMissing}
      onChange={(event) => set({ [name]: event.currentTarget.value })}
    />
  );
  return (
    <Stack
      component="form"
      maw="40rem"
      onSubmit={(event) => {
        event.preventDefault();
        edit.save();
      }}
    >
      <Title order={2}>{words.manageTitle}</Title>
      <Text>{words.manageText}</Text>
      {field("userName")}
      {field("displayName")}
      {field("email")}
      {field("externalId")}
      <Switch
        label={words.isActive}
        description={words.isActiveHelp}
        checked={draft.active}
        onChange={(event) => set({ active: event.currentTarget.checked })}
      />
      <Newer edit={edit} />
      {edit.error && <Failure error={edit.error} />}
      <Button
        type="submit"
        w="fit-content"
        loading={edit.saving}
        disabled={!edit.edited || draft.userName.trim() === ""}
      >
        {text.save}
      </Button>
      <Text size="sm" role="status">
        {edit.saved ? words.saved : ""}
      </Text>
    </Stack>
  );
}

function Erase({ user }: { user: User }) {
  const words = text.users;
  const { organizationId, id } = user;
  const navigate = useNavigate();
  const changed = useAccessChanged(organizationId);
  const [asked, setAsked] = useState(false);
  const erase = async () => {
    await answer(
      api.POST("/api/v1/organizations/{organizationId}/users/{userId}:erase", {
        params: { path: { organizationId, userId: id } },
      }),
    );
    await navigate(paths.users(organizationId), { replace: true });
    void changed();
  };
  return (
    <Stack gap="sm" align="flex-start">
      <Title order={2}>{words.eraseTitle}</Title>
      <Text maw="42rem">{words.eraseText}</Text>
      <Button color="red.8" onClick={() => setAsked(true)}>
        {words.eraseTitle}
      </Button>
      <ConfirmByName
        opened={asked}
        title={words.eraseTitle}
        name={user.userName || id}
        action={words.eraseTitle}
        onConfirm={erase}
        onClose={() => setAsked(false)}
      >
        <Who user={user} />
        <Text>{words.eraseText}</Text>
      </ConfirmByName>
    </Stack>
  );
}
