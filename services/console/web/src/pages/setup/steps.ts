import type { Schemas } from "../../api/client";
import type { text } from "../../text";

export type Step = keyof typeof text.setUp.steps;

const milestones = {
  connection: "MILESTONE_KIND_MESSAGE",
  user: "MILESTONE_KIND_USER_CREATED",
  group: "MILESTONE_KIND_GROUP_CREATED",
  change: "MILESTONE_KIND_USER_CHANGED",
  deactivation: "MILESTONE_KIND_USER_DEACTIVATED",
} as const;

/**
 * Returns when the identity provider took each step first. A step that it has not taken is missing. A message proves that a key was accepted,
 * and the use of a key is known a little later.
 */
export function stepsOf(keys: Schemas["ApiKey"][], seen: Schemas["Milestone"][]): Partial<Record<Step, string>> {
  const steps: Partial<Record<Step, string>> = {};
  for (const [step, kind] of Object.entries(milestones)) {
    const time = seen.find((milestone) => milestone.kind === kind)?.firstTime;
    if (time) {
      steps[step as Step] = time;
    }
  }
  const used = steps.connection ?? keys.map((key) => key.lastUseTime).find((time) => time !== null);
  if (used) {
    steps.key = used;
  }
  return steps;
}
