import { Text, Tooltip } from "@mantine/core";
import { text } from "../text";

export const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** Returns a time as words relative to now, such as "5 minutes ago" or "in 3 days". */
export function ago(time: Date, now = new Date()): string {
  const seconds = Math.round((time.getTime() - now.getTime()) / 1000);
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length || unit === "second") {
      return relative.format(Math.trunc(seconds / length), unit);
    }
  }
  return "";
}

/** Returns a time in UTC, to the second, such as 2026-11-30 17:00:05 UTC. */
export function utc(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

interface Props {
  /** An RFC 3339 text of the API. Without one, `none` is shown. */
  value: string | null | undefined;
  /**
   * How to write it: with its distance from now; likewise, but known to the minute only; in full; as a day; or as a day and, if it is near,
   * with its distance.
   */
  as?: "ago" | "minutes" | "full" | "day" | "near";
  none?: string;
}

/** A time in the reader's time zone; UTC appears on hover and on focus. */
export function Time({ value, as = "full", none = text.never }: Props) {
  if (!value) {
    return <>{none}</>;
  }
  const time = new Date(value);
  const shown = {
    ago: () => ago(time),
    minutes: () => (Date.now() - time.getTime() < 120_000 ? text.justNow : ago(time)),
    full: () => full.format(time),
    day: () => day.format(time),
    near: () =>
      Math.abs(time.getTime() - Date.now()) < 48 * 3_600_000 ? `${ago(time)} (${full.format(time)})` : day.format(time),
  }[as]();
  return (
    <Tooltip label={utc(time)} events={{ hover: true, focus: true, touch: true }} withArrow>
      <Text span inherit component="time" dateTime={value} tabIndex={0} style={{ cursor: "help" }}>
        {shown}
      </Text>
    </Tooltip>
  );
}
