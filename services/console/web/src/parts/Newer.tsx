import { Alert, Button, Stack, Text } from "@mantine/core";
import { text } from "../text";
import type { Edit } from "./useEdit";

/** Says that somebody else has changed what the reader edits, and offers the new version. */
export function Newer({ edit }: { edit: Pick<Edit<object>, "newer" | "load"> }) {
  if (!edit.newer) {
    return null;
  }
  return (
    <Alert color="yellow" role="status" title={text.newer.title}>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{text.newer.text}</Text>
        <Button size="xs" variant="default" onClick={edit.load}>
          {text.newer.action}
        </Button>
      </Stack>
    </Alert>
  );
}
