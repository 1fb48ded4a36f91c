import { Code, Stack, Text, Title } from "@mantine/core";
import type { Schemas } from "../../api/client";
import { useDirectoryNames } from "../../api/directories";
import { Facts } from "../../parts/Facts";
import { Time } from "../../parts/Time";
import { text } from "../../text";

/** What the identity provider sent about a user. */
export function Data({ read, user }: { read: Schemas["GetUserResponse"]; user: Schemas["User"] }) {
  const words = text.users;
  const directories = useDirectoryNames(user.organizationId);
  return (
    <Stack gap="lg">
      <Facts
        facts={[
          [words.facts.userName, user.userName && <bdi>{user.userName}</bdi>],
          [words.facts.displayName, user.displayName && <bdi>{user.displayName}</bdi>],
          [words.facts.email, user.email && <bdi>{user.email}</bdi>],
          [words.facts.externalId, user.externalId && <bdi>{user.externalId}</bdi>],
          [words.facts.id, <Code key="id">{user.id}</Code>],
          [words.facts.directory, <bdi key="directory">{directories.get(user.directoryId) ?? user.directoryId}</bdi>],
          [words.facts.roleValues, user.roleValues.length > 0 && <bdi>{user.roleValues.join(", ")}</bdi>],
          [words.facts.create, <Time key="create" value={read.createTime} />],
          [words.facts.update, <Time key="update" value={user.updateTime} />],
        ]}
      />
      {read.document ? (
        <Stack gap="xs">
          <Title order={2}>{words.documentTitle}</Title>
          <Text>{words.documentText}</Text>
          <Code block dir="ltr" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
            {indented(read.document)}
          </Code>
        </Stack>
      ) : (
        <Text>{words.noPeople}</Text>
      )}
    </Stack>
  );
}

/** Returns a document with a line for each value. */
function indented(document: string): string {
  try {
    return JSON.stringify(JSON.parse(document), null, 2);
  } catch {
    return document;
  }
}
