/** Returns a duration of the API, such as 12.5s, in words. What is normal is said as `now`. */
export function age(duration: string | null | undefined, now: string): string {
  const seconds = Number.parseFloat(duration ?? "0");
  if (seconds < 2) {
    return now;
  }
  const [unit, length] =
    seconds < 120 ? (["second", 1] as const) : seconds < 7200 ? (["minute", 60] as const) : (["hour", 3600] as const);
  return new Intl.NumberFormat(undefined, {
    style: "unit",
    unit,
    unitDisplay: "long",
    maximumFractionDigits: 0,
  }).format(seconds / length);
}
