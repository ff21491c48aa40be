/** The id of a record: unique without asking anybody, since an epoch never gives an offset twice. No `.` in it:
 * Standard Webhooks forbids one in `webhook-id`. */
export function recordId(epoch: string, offset: number): string {
  return `evt_${epoch}_${offset}`;
}
