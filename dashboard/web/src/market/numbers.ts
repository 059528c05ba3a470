/** How numbers are written: one place for digits and units. */
import { marketTime } from "./time.js";

const LOCALE = "en-GB";

function formatter(least: number, most: number): Intl.NumberFormat {
  return new Intl.NumberFormat(LOCALE, { minimumFractionDigits: least, maximumFractionDigits: most });
}

const kwhDigits = formatter(0, 4);
const moneyDigits = formatter(2, 2);
const fineMoneyDigits = formatter(6, 6);
const priceDigits = formatter(4, 4);
const percentDigits = formatter(0, 1);
const countDigits = formatter(0, 0);

/** Energy in kWh, to the ledger's 0.1 Wh. */
export const kwh = (value: number): string => `${kwhDigits.format(value)} kWh`;
/** The digits of `kwh`, for where the unit stands apart. */
export const kwhFigure = (value: number): string => kwhDigits.format(value);
/** The market's unit of money: the ledger names no currency, and this sign stands for any. */
export const CURRENCY = "¤";
/** Money as on a bill. */
export const money = (value: number): string => `${moneyFigure(value)} ${CURRENCY}`;
/** The digits of `money`, for where the unit stands apart. */
export const moneyFigure = (value: number): string => moneyDigits.format(value);
/** Money to the ledger's last digit, so that figures stand below each other. */
export const exactMoney = (value: number): string => `${value === 0 ? "0" : fineMoneyDigits.format(value)} ${CURRENCY}`;
/** A price in currency per kWh. */
export const price = (value: number): string => `${priceDigits.format(value)} ${CURRENCY}/kWh`;
/** The digits of `price`, for where the unit stands apart. */
export const priceFigure = (value: number): string => priceDigits.format(value);
/** A share of one in percent; what is too small to be written is said to be. */
export const percent = (share: number): string =>
  share > 0 && share < 0.0005 ? "less than 0.1 %" : `${percentDigits.format(share * 100)} %`;
/** A whole number. */
export const count = (value: number): string => countDigits.format(value);

/** A duration in seconds, as a person says it. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 172_800) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} days`;
}

const clockTime = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const fullTime = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "medium" });

/** A game's id as a person says it: one that ends with a moment by that moment, any other as it is. */
export function gameTitle(id: string): string {
  const found = /^(.*?)[-_ ]?(\d{4}-\d\d-\d\dT[\d:.]+Z)$/.exec(id);
  if (found === null || Number.isNaN(Date.parse(found[2] ?? ""))) return id;
  const [at, prefix] = [new Date(found[2] ?? ""), found[1] ?? ""];
  return `${prefix === "" ? "Game" : prefix} of ${fullTime.format(at)}`;
}

/** A moment of today as hours, minutes and seconds; another one with its date. */
export function moment(iso: string | number | Date): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return String(iso);
  return at.toDateString() === new Date().toDateString() ? clockTime.format(at) : fullTime.format(at);
}

const minutes = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short" });

/** A moment of a timetable: without seconds where there are none, with the day where it is not the market's today. */
export function clock(iso: string): string {
  const time = new Date(iso);
  const hour = (time.getTime() % 60_000 === 0 ? minutes : clockTime).format(time);
  return time.toDateString() === new Date(marketTime()).toDateString() ? hour : `${day.format(time)}, ${hour}`;
}

/** A slot from its start to its end; the name of one that has no time. */
export function slot(name: string, starts: string | null, ends: string | null): string {
  if (Number.isNaN(Date.parse(name)) || starts === null || ends === null) return moment(name);
  return `${clock(starts)} to ${minutes.format(new Date(ends))}`;
}
