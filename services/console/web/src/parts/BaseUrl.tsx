import { Alert, Stack } from "@mantine/core";
import { text } from "../text";
import { CopyField } from "./CopyField";
import { troubleOf } from "./reach";

interface Props {
  value: string;
  description?: string;
}

/** The Base URL of a directory, with a warning if an identity provider in the cloud cannot reach it. */
export function BaseUrl({ value, description }: Props) {
  const words = text.directory;
  const trouble = troubleOf(value);
  return (
    <Stack gap="xs">
      <CopyField label={words.baseUrl} value={value} {...(description && { description })} />
      {trouble && (
        <Alert color="yellow" p="xs" title={words.unreachable}>
          {words.unreachableWhy[trouble]}
        </Alert>
      )}
    </Stack>
  );
}
