import type { components } from "./schema";

type Status = components["schemas"]["Error"];
export type Reason = components["schemas"]["ErrorReason"];

/** A request that failed. */
export class ApiError extends Error {
  readonly status: number;
  /** The reason of the contract, or "" if no answer came. */
  readonly reason: Reason | "";
  readonly metadata: Record<string, string>;
  /** What is wrong with which field, by the field's name in the request. */
  readonly fields: Record<string, string>;
  /** The ID of the trace, for the operator, or "". */
  readonly traceId: string;

  constructor(status: number, body: Partial<Status> | undefined, traceId: string) {
    super(body?.message ?? "");
    this.status = status;
    this.traceId = traceId;
    this.reason = "";
    this.metadata = {};
    this.fields = {};
    for (const detail of body?.details ?? []) {
      if ("reason" in detail) {
        this.reason = detail.reason;
        this.metadata = detail.metadata;
      } else if ("fieldViolations" in detail) {
        for (const violation of detail.fieldViolations ?? []) {
          this.fields[violation.field ?? ""] = violation.description ?? "";
        }
      }
    }
  }

  /** Whether the same request can succeed later. */
  get temporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Returns an error as an ApiError: without an answer, its status is 0. */
export function apiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(0, undefined, "");
}
