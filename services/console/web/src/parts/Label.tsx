import { Badge } from "@mantine/core";

const colours = {
  good: "var(--usher-good)",
  warn: "var(--usher-warn)",
  bad: "var(--usher-bad)",
  quiet: "var(--mantine-color-dimmed)",
} as const;

export type Tone = keyof typeof colours;

export function colourOf(tone: Tone): string {
  return colours[tone];
}

/** A word or two about a state. The colour says nothing that the words do not. */
export function Label({ tone, children }: { tone: Tone; children: string }) {
  return (
    <Badge variant="outline" tt="none" miw="max-content" style={{ color: colours[tone], borderColor: "currentColor" }}>
      {children}
    </Badge>
  );
}
