import { Button, Stack, Switch, Text, TextInput, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { ConfirmByName } from "../../parts/ConfirmByName";
import { Failure } from "../../parts/States";
import { paths } from "../../paths";
import { text } from "../../text";
import { useAccessChanged } from "./byHand";

type User = Schemas["User"];

/** Changes a detached user, which no identity provider manages any more, or erases it. */
export function Manage({ user }: { user: User }) {
  return (
    <Stack gap="xl">
      <Edit user={user} />
      <Erase user={user} />
    </Stack>
  );
}

function Edit({ user }: { user: User }) {
  const words = text.users;
  const changed = useAccessChanged(user.organizationId);
  const stored = {
    userName: user.userName,
    displayName: user.displayName,
    email: user.email,
    externalId: user.externalId,
    active: user.active,
  };
  const [draft, setDraft] = useState(stored);
  const set = (to: Partial<typeof stored>) => setDraft({ ...draft, ...to });
  const edited = Object.entries(draft).filter(([name, value]) => value !== stored[name as keyof typeof stored]);
  const save = useMutation({
    mutationFn: () =>
      answer(
        api.PATCH("/api/v1/organizations/{organizationId}/users/{userId}", {
          params: {
            path: { organizationId: user.organizationId, userId: user.id },
            query: { revision: user.revision },
          },
          body: Object.fromEntries(edited),
        }),
      ),
    onSuccess: changed,
  });
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
        save.mutate();
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
      {save.error && <Failure error={save.error} />}
      <Button
        type="submit"
        w="fit-content"
        loading={save.isPending}
        disabled={edited.length === 0 || draft.userName.trim() === ""}
      >
        {text.save}
      </Button>
    </Stack>
  );
}

function Erase({ user }: { user: User }) {
  const words = text.users;
  const { organizationId, id } = user;
  const navigate = useNavigate();
  const [asked, setAsked] = useState(false);
  const erase = async () => {
    await answer(
      api.POST("/api/v1/organizations/{organizationId}/users/{userId}:erase", {
        params: { path: { organizationId, userId: id } },
      }),
    );
    await navigate(paths.users(organizationId), { replace: true });
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
        <Text>{words.eraseText}</Text>
      </ConfirmByName>
    </Stack>
  );
}
