import { type QueryKey, type UseQueryResult, useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { type ApiError, apiError } from "./errors";

/** How often a page asks again for what changes while the reader looks, in milliseconds. */
export const often = 3_000;
export const sometimes = 15_000;
/** The longest time between two requests, in milliseconds. */
const longest = 120_000;

/** Returns the time until the next request: it doubles with each failure in a row. */
export function pause(every: number, failures: number): number {
  return Math.min(every * 2 ** Math.min(failures, 10), Math.max(every, longest));
}

/**
 * Reads something, and reads it again while the page is visible. It stops when the request cannot succeed any more, such as when the reader
 * lost a permission.
 */
export function useLive<T>(
  key: QueryKey,
  read: () => Promise<T>,
  every: number,
  enabled = true,
): UseQueryResult<T, ApiError> {
  const failures = useRef(0);
  return useQuery<T, ApiError>({
    queryKey: key,
    queryFn: async () => {
      try {
        const data = await read();
        failures.current = 0;
        return data;
      } catch (error) {
        failures.current++;
        throw error;
      }
    },
    enabled,
    refetchInterval: ({ state: { error } }) =>
      error && !apiError(error).temporary ? false : pause(every, failures.current),
  });
}
