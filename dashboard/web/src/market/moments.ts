/** Moments as people say them, by the clocks of the time zone in which one looks: the same in all views. */
import { calendar } from "./calendar.js";
import { dayOf, format, marketTime } from "./time.js";

const DATE: Intl.DateTimeFormatOptions = { day: "numeric", month: "short" };
const HOUR: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

const written = (kind: string, options: Intl.DateTimeFormatOptions, at: number): string => format(calendar.zone, kind, options).format(at);

/** Hours and minutes, and the seconds where there are some. */
const hour = (at: number): string =>
  at % 60_000 === 0 ? written("minutes", HOUR, at) : written("seconds", { ...HOUR, second: "2-digit" }, at);
const date = (at: number): string => written("date", { ...DATE, year: "numeric" }, at);
const isDayOf = (at: number, now: number): boolean => dayOf(at, calendar.zone) === dayOf(now, calendar.zone);

/** The moment with which a game's id ends, and what stands before it. */
function momentIn(id: string): readonly [prefix: string, at: number] | null {
  const found = /^(.*?)[-_ ]?(\d{4}-\d\d-\d\dT[\d:.]+Z)$/.exec(id);
  const at = Date.parse(found?.[2] ?? "");
  return found === null || Number.isNaN(at) ? null : [(found[1] ?? "") === "" ? "Game" : (found[1] ?? ""), at];
}

/** A game's id as a person says it: one that ends with a moment by that moment, any other as it is. */
export function gameTitle(id: string): string {
  const found = momentIn(id);
  return found === null ? id : `${found[0]} of ${date(found[1])}, ${hour(found[1])}`;
}

/** The same in few words: a game of the market's today without its date. */
export function gameName(id: string): string {
  const found = momentIn(id);
  return found === null ? id : `${found[0]} of ${clock(new Date(found[1]).toISOString())}`;
}

/** A stamp of the ledger, which has the world's time: of today hours, minutes and seconds, another one with its date. */
export function moment(iso: string): string {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) return iso;
  const time = written("seconds", { ...HOUR, second: "2-digit" }, at);
  return isDayOf(at, Date.now()) ? time : `${date(at)}, ${time}`;
}

/** When something happened, in the market's time. */
export function happened(iso: string): string {
  const at = marketTime(Date.parse(iso));
  const time = written("seconds", { ...HOUR, second: "2-digit" }, at);
  return isDayOf(at, marketTime()) ? time : `${written("day and month", DATE, at)}, ${time}`;
}

/** A moment of a timetable: without seconds where there are none, with the day where it is not the market's today. */
export function clock(iso: string): string {
  const at = Date.parse(iso);
  return isDayOf(at, marketTime()) ? hour(at) : `${written("day and month", DATE, at)}, ${hour(at)}`;
}

/** The market's time with its date and zone, of which only a city's name stands. */
export const marketClock = (now: number): string =>
  `${written("day and month", DATE, now)}, ${written("minutes", HOUR, now)} ${calendar.zone.replace(/^.*\//, "").replaceAll("_", " ")}`;

/** A slot from its start to its end; the name of one that has no time. */
export function slot(name: string, starts: string | null, ends: string | null): string {
  if (!/^\d{4}-\d\d-\d\dT/.test(name) || starts === null || ends === null) return name;
  return `${clock(starts)} to ${hour(Date.parse(ends))}`;
}
