import { Stack, Text } from "@mantine/core";
import type { Schemas } from "../../api/client";
import { useDirectoryNames } from "../../api/directories";
import { text } from "../../text";

/** Says whom a dialogue is about, so that nobody takes one of two people with the same name for the other. */
export function Who({ user }: { user: Schemas["User"] }) {
  const words = text.users;
  const directories = useDirectoryNames(user.organizationId);
  return (
    <Stack gap={0}>
      {user.displayName && (
        <Text fw={600} style={{ overflowWrap: "anywhere" }}>
          <bdi>{user.displayName}</bdi>
        </Text>
      )}
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        {words.facts.userName}: <bdi>{user.userName || user.id}</bdi>
      </Text>
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        {words.facts.directory}: <bdi>{directories.get(user.directoryId) ?? user.directoryId}</bdi>
      </Text>
    </Stack>
  );
}
