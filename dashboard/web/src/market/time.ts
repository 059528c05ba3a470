/** The market's time, and days of it: the ledger's clock, which may be simulated, and calendars of time zones. */

/** A market whose slots pass faster than the world's: its time began at `start` when the world's was `began`. */
export interface SimulatedTime {
  readonly start: string;
  readonly factor: number;
  readonly began: string;
}

let simulated: SimulatedTime | null = null;

/** Sets how the market's time follows from the world's; null: it is the same. */
export function setSimulatedTime(mapping: SimulatedTime | null): void {
  simulated = mapping;
}

export const simulatedTime = (): SimulatedTime | null => simulated;

/** The market's time at a moment of the world's, in ms. Slots and deadlines are in it, stamps of blocks and events are not. */
export function marketTime(world = Date.now()): number {
  if (simulated === null) return world;
  return Date.parse(simulated.start) + (world - Date.parse(simulated.began)) * simulated.factor;
}

/** The time zone of whoever looks. */
export const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

const formats = new Map<string, Intl.DateTimeFormat>();

/** Writes moments by the clocks of a zone; kinds have names, as making a format takes long. */
export function format(zone: string, kind: string, options: Intl.DateTimeFormatOptions, locale = "en-GB"): Intl.DateTimeFormat {
  const key = `${zone} ${kind}`;
  const found = formats.get(key) ?? new Intl.DateTimeFormat(locale, { timeZone: zone, ...options });
  formats.set(key, found);
  return found;
}

/** The calendar day of a moment, as 2026-06-23. */
export const dayOf = (at: number, zone: string): string =>
  format(zone, "day", { year: "numeric", month: "2-digit", day: "2-digit" }, "en-CA").format(at);

/** Hours and minutes of a moment; with the offset from UTC where a day has an hour twice. */
export function hourOf(at: number, zone: string, hasOffset = false): string {
  const clock: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return hasOffset ? format(zone, "offset", { ...clock, timeZoneName: "shortOffset" }).format(at) : format(zone, "hour", clock).format(at);
}

/** A day as a person writes it. */
export const dayName = (day: string): string =>
  format("UTC", "name", { weekday: "long", day: "numeric", month: "long", year: "numeric" }).format(Date.parse(`${day}T12:00:00Z`));

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** When a calendar day begins: its first minute, whatever the zone does to its clocks around midnight. */
function beginOf(day: string, zone: string): number {
  const midnight = Date.parse(`${day}T00:00:00Z`);
  let [before, from] = [midnight - 15 * HOUR, midnight + 15 * HOUR]; // no zone is further from UTC
  while (from - before > MINUTE) {
    const middle = before + Math.floor((from - before) / 2 / MINUTE) * MINUTE;
    if (dayOf(middle, zone) < day) before = middle;
    else from = middle;
  }
  return from;
}

/** The calendar day after (or, by -1, before) another. */
export const dayBeside = (day: string, step: number): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + step * 24 * HOUR).toISOString().slice(0, 10);

/** From when until when a calendar day lasts, in ms: 23, 24 or 25 hours. */
export const boundsOf = (day: string, zone: string): readonly [from: number, until: number] => [
  beginOf(day, zone),
  beginOf(dayBeside(day, 1), zone),
];

/** Whether a day's clocks are set, so that an hour of it comes twice or never. */
export const isClockSet = ([from, until]: readonly [from: number, until: number]): boolean => until - from !== 24 * HOUR;

/** From when until when a calendar month, as 2026-06, lasts. */
export function boundsOfMonth(month: string, zone: string): readonly [from: number, until: number] {
  const after = dayBeside(`${month}-28`, 4).slice(0, 7);
  return [beginOf(`${month}-01`, zone), beginOf(`${after}-01`, zone)];
}

/** A month as a person writes it. */
export const monthName = (month: string): string =>
  format("UTC", "month", { month: "long", year: "numeric" }).format(Date.parse(`${month}-15T12:00:00Z`));
