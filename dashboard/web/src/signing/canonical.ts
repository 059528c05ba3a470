/** RFC 8785 canonical JSON; its numbers are written as JavaScript writes them. */
export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [name: string]: Plain };

export function canonical(value: Plain): string {
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError(`${value} is no JSON number`);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${(value as readonly Plain[]).map(canonical).join(",")}]`;
  const members = Object.entries(value as { readonly [name: string]: Plain });
  members.sort(([one], [other]) => (one < other ? -1 : 1)); // by UTF-16 code units, as RFC 8785 says
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(",")}}`;
}
