import { ActionIcon, Group, TextInput, Tooltip, VisuallyHidden } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useState } from "react";
import { text } from "../text";

interface Props {
  label: string;
  value: string;
  description?: string;
}

/** A value that the reader copies to another place. At 14 pixels, some fonts lose the underscore, and a reader types a blank. */
export function CopyField({ label, value, description }: Props) {
  const [copied, setCopied] = useState(false);
  const [failed, setFailed] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
      setCopied(true);
      setTimeout(() => setCopied(false), 2_000);
    } catch {
      setFailed(true); // such as over plain http: the reader selects the text
    }
  };
  const action = text.copy.action(label);
  return (
    <Group align="flex-end" gap="xs" wrap="nowrap">
      <TextInput
        label={label}
        description={description}
        value={value}
        readOnly
        flex={1}
        onFocus={(event) => event.currentTarget.select()}
        styles={{
          input: {
            fontFamily: "var(--mantine-font-family-monospace)",
            fontSize: "0.9375rem",
            textOverflow: "ellipsis",
          },
        }}
        autoComplete="off"
        spellCheck={false}
        dir="ltr"
        error={failed && text.copy.failed}
      />
      <Tooltip label={copied ? text.copy.done : action} withArrow>
        <ActionIcon size="lg" variant="default" onClick={copy} aria-label={action}>
          {copied ? <IconCheck size={18} /> : <IconCopy size={18} />}
        </ActionIcon>
      </Tooltip>
      <VisuallyHidden role="status">{copied ? text.copy.done : ""}</VisuallyHidden>
    </Group>
  );
}
