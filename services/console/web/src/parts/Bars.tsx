import type { Schemas } from "../api/client";

interface Props {
  counts: Schemas["ActivityCount"][];
  /** The beginning of the first period, and the length of each, in milliseconds. */
  start: number;
  period: number;
  periods: number;
  /** What the chart shows, in a sentence. */
  label: string;
  /** The chart is as wide as its place, and twice as high. */
  wide?: boolean;
}

const width = 4;
const gap = 1;
const height = 36;

/** A small chart of messages: one bar for each period, the failed ones on top in another colour. */
export function Bars({ counts, start, period, periods, label, wide = false }: Props) {
  const bars = Array.from({ length: periods }, () => ({ accepted: 0, failed: 0 }));
  for (const count of counts) {
    const bar = bars[Math.floor((Date.parse(count.startTime ?? "") - start) / period)];
    if (bar) {
      bar.accepted += Number(count.acceptedCount);
      bar.failed += Number(count.failedCount);
    }
  }
  const most = Math.max(1, ...bars.map((bar) => bar.accepted + bar.failed));
  const scaled = (n: number) => (n === 0 ? 0 : Math.max(2, (n / most) * height));
  const whole = periods * (width + gap) - gap;
  return (
    <svg
      viewBox={`0 0 ${whole} ${height}`}
      width={wide ? "100%" : whole}
      height={wide ? 2 * height : height}
      preserveAspectRatio={wide ? "none" : "xMidYMid"}
      role="img"
      aria-label={label}
      style={{ display: "block", maxWidth: "100%" }}
    >
      <title>{label}</title>
      {bars.map((bar, i) => {
        const failed = scaled(bar.failed);
        const accepted = Math.min(scaled(bar.accepted), height - failed);
        const x = i * (width + gap);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place
          <g key={i}>
            <rect x={x} y={height - 1} width={width} height={1} fill="var(--usher-line)" />
            <rect x={x} y={height - accepted} width={width} height={accepted} fill="var(--mantine-color-usher-5)" />
            <rect x={x} y={height - accepted - failed} width={width} height={failed} fill="var(--usher-bad)" />
          </g>
        );
      })}
    </svg>
  );
}
