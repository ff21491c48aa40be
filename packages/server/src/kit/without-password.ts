/** An address as it may be shown. */
export function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return "(an address)";
  const shown = new URL(url);
  if (shown.password !== "") shown.password = "***";
  return shown.href;
}
