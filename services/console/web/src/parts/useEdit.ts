import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { apiError } from "../api/errors";

interface Options<T> {
  /** What can be edited, as it was read last. */
  value: T;
  /** The etag or revision of this value. */
  version: string;
  /** Saves what differs between a draft and the value that it began from, at the version of that value. Returns what is stored then. */
  send: (draft: T, base: T, version: string) => Promise<{ value: T; version: string } | undefined>;
  /** Reads again what a change changes. */
  changed: () => Promise<unknown>;
}

interface State<T> {
  draft: T;
  base: T;
  /** The version of the base. */
  version: string;
  /** The version that was read last. */
  seen: string;
  /** Whether what was read last is not what the draft began from. */
  newer: boolean;
}

/** What a form has while somebody edits something that others can change, too. */
export interface Edit<T> {
  draft: T;
  set: (to: Partial<T>) => void;
  /** What the draft began from. */
  base: T;
  edited: boolean;
  /** Whether somebody else has saved meanwhile: see Newer. */
  newer: boolean;
  /** Discards the draft, and begins from what was read last. */
  load: () => void;
  save: () => void;
  saving: boolean;
  /** Whether the draft is what was saved last. */
  saved: boolean;
  error: Error | null;
}

/**
 * Edits something that the page reads again and again. Without edits, the form follows what is read. With edits, it keeps them and the
 * version that they began from, so that Usher refuses to save them over the change of somebody else.
 */
export function useEdit<T extends object>({ value, version, send, changed }: Options<T>): Edit<T> {
  const begin = (): State<T> => ({ draft: value, base: value, version, seen: version, newer: false });
  const [stored, setState] = useState(begin);
  let state = stored;
  if (version !== state.seen) {
    state = { ...state, seen: version, newer: version !== state.version };
  }
  if (state.newer && (same(state.draft, state.base) || same(state.draft, value))) {
    state = begin();
  } else if (state.newer && same(state.base, value)) {
    state = { ...state, version, newer: false }; // something else has changed
  }
  if (state !== stored) {
    setState(state);
  }
  const mutation = useMutation({
    mutationFn: (sent: State<T>) => send(sent.draft, sent.base, sent.version),
    onSuccess: (now, sent) => {
      if (now) {
        // What was typed while the request was under way stays.
        setState((after) => ({
          ...after,
          draft: after.draft === sent.draft ? now.value : after.draft,
          base: now.value,
          version: now.version,
          newer: false,
        }));
      }
      return changed();
    },
    onError: (error) => (apiError(error).reason === "CONFLICT" ? changed() : undefined),
  });
  const edited = !same(state.draft, state.base);
  return {
    draft: state.draft,
    set: (to) => setState((now) => ({ ...now, draft: { ...now.draft, ...to } })),
    base: state.base,
    edited,
    newer: state.newer && !mutation.isPending,
    load: () => {
      mutation.reset();
      setState(begin());
    },
    save: () => mutation.mutate(state),
    saving: mutation.isPending,
    saved: mutation.isSuccess && !edited,
    error: mutation.error,
  };
}

function same(a: object, b: object): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Returns the fields of a draft that are not as in the value that it began from. */
export function changesOf<T extends object>(draft: T, base: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(draft).filter(([name, value]) => value !== base[name as keyof T]),
  ) as Partial<T>;
}
