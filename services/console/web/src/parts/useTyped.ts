import { useDebouncedCallback } from "@mantine/hooks";
import { useEffect, useRef, useState } from "react";

/**
 * The text of a search field and a function for its changes. The text that was typed last comes to `commit` a moment later, so that not each
 * letter is a request. When `committed` changes otherwise, such as by the button Back or by a link, the field follows.
 */
export function useTyped(committed: string, commit: (text: string) => void): [string, (text: string) => void] {
  const [typed, setTyped] = useState(committed);
  const ours = useRef<string[]>([]); // committed here, and not seen yet
  const before = useRef(committed);
  const later = useDebouncedCallback((text: string) => {
    if (text !== (ours.current.at(-1) ?? before.current)) {
      ours.current.push(text);
    }
    commit(text);
  }, 250);
  useEffect(() => {
    if (committed === before.current) {
      return;
    }
    before.current = committed;
    const seen = ours.current.indexOf(committed);
    ours.current = ours.current.slice(seen + 1);
    if (seen < 0) {
      ours.current = [];
      later.cancel();
      setTyped(committed);
    }
  }, [committed, later]);
  return [
    typed,
    (text) => {
      setTyped(text);
      later(text);
    },
  ];
}
