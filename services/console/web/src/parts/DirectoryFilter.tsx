import { NativeSelect } from "@mantine/core";
import { text } from "../text";

interface Props {
  /** The names of the directories by id. With one alone, there is nothing to choose. */
  directories: Map<string, string>;
  /** The id of the chosen directory; "" for all. */
  value: string;
  onChange: (directory: string) => void;
}

/** Limits a list to one directory. */
export function DirectoryFilter({ directories, value, onChange }: Props) {
  if (directories.size <= 1) {
    return null;
  }
  return (
    <NativeSelect
      label={text.nav.directory}
      value={value}
      maw="20rem"
      data={[{ value: "", label: text.anyDirectory }, ...[...directories].map(([id, label]) => ({ value: id, label }))]}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
