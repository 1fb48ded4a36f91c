import { useDebouncedCallback } from "@mantine/hooks";
import { useState } from "react";

/**
 * The text of a search field and a function for its changes. The text that was typed last comes to `commit` a moment later, so that not each
 * letter is a request.
 */
export function useTyped(initial: string, commit: (text: string) => void): [string, (text: string) => void] {
  const [typed, setTyped] = useState(initial);
  const later = useDebouncedCallback(commit, 250);
  return [
    typed,
    (text) => {
      setTyped(text);
      later(text);
    },
  ];
}
