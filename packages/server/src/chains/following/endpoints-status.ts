/** How the endpoints of a chain stand, for metrics and the operator. */

/** Why an endpoint was not used: `failed` no usable answer, `rate_limited` it asked to be left alone, `stalled` no answer
 * in time, `unfit` it must not be followed, `blocks_missing` it no longer has what is needed, `stale` others were ahead. */
export const ENDPOINT_FAILURES = ["failed", "rate_limited", "stalled", "unfit", "blocks_missing", "stale"] as const;
export type EndpointFailureReason = (typeof ENDPOINT_FAILURES)[number];

export interface EndpointsStatus {
  /** How often another endpoint took over, since the start. */
  switches: number;
  endpoints: readonly {
    name: string;
    /** It answers now. */
    current: boolean;
    /** Why it is not used; `null`: nothing is known against it. */
    problem: string | null;
    /** `null`: not known. */
    headHeight: number | null;
    failures: Readonly<Record<EndpointFailureReason, number>>;
  }[];
}
