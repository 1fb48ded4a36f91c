import { Stack, Text } from "@mantine/core";
import { useSession } from "../../api/session";
import { CopyField } from "../../parts/CopyField";
import { text } from "../../text";

/** Where people and identity providers reach Usher. */
export function Addresses() {
  const words = text.settings.addresses;
  const { adminUrl, publicUrl } = useSession();
  return (
    <Stack maw="44rem">
      {adminUrl && <CopyField label={words.admin} description={words.adminHelp} value={adminUrl} />}
      {publicUrl && <CopyField label={words.scim} description={words.scimHelp} value={publicUrl} />}
      <Text size="sm" c="dimmed">
        {publicUrl ? words.sameHost : words.unknown}
      </Text>
    </Stack>
  );
}
