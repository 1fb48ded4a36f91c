import { useIdle } from "@mantine/hooks";
import { type QueryKey, type UseQueryResult, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { type ApiError, apiError } from "./errors";

/** How often a page asks again for what changes while the reader looks, in milliseconds. */
export const often = 3_000;
export const sometimes = 15_000;
/** The longest time between two requests, in milliseconds. */
const longest = 120_000;
/** After this time without any input, in milliseconds, pages stop to ask, so that the session of somebody who left can end. */
const away = 15 * 60_000;

/** Returns the time until the next request: it doubles with each failure in a row. */
export function pause(every: number, failures: number): number {
  return Math.min(every * 2 ** Math.min(failures, 10), Math.max(every, longest));
}

/** Returns how to read, and when to read again: while somebody uses the page, and while it can succeed. */
function useRepeat() {
  const failures = useRef(0);
  const idle = useIdle(away, { initialState: false });
  return {
    counted: async <T>(reading: Promise<T>): Promise<T> => {
      try {
        const data = await reading;
        failures.current = 0;
        return data;
      } catch (error) {
        failures.current++;
        throw error;
      }
    },
    next: (every: number, error: unknown) =>
      every === never || idle || (error && !apiError(error).temporary) ? false : pause(every, failures.current),
  };
}

/** That nothing changes any more. */
export const never = 0;

/**
 * Reads something, and reads it again while the page is visible and somebody uses it. It stops when the request cannot succeed any more,
 * such as when the reader lost a permission. How often it reads can depend on what it read.
 */
export function useLive<T>(
  key: QueryKey,
  read: () => Promise<T>,
  every: number | ((data: T | undefined) => number),
  enabled = true,
): UseQueryResult<T, ApiError> {
  const { counted, next } = useRepeat();
  return useQuery<T, ApiError>({
    queryKey: key,
    queryFn: () => counted(read()),
    enabled,
    refetchInterval: ({ state }) => next(typeof every === "number" ? every : every(state.data), state.error),
  });
}

/** Reads the pages of a list like useLive. It reads again as long as `again` says so for the number of pages that the reader sees. */
export function useLivePages<P extends { nextPageToken: string }>(
  key: QueryKey,
  read: (pageToken: string) => Promise<P>,
  every: number,
  again: (pages: number) => boolean = () => true,
  enabled = true,
) {
  const { counted, next } = useRepeat();
  return useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => counted(read(pageParam)),
    initialPageParam: "",
    getNextPageParam: (last) => last.nextPageToken || undefined,
    enabled,
    refetchInterval: ({ state }) => again(state.data?.pages.length ?? 0) && next(every, state.error),
  });
}
