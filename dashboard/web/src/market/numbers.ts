/** How numbers are written: one place for digits and units. */

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

export const sum = <T>(all: readonly T[], of: (each: T) => number): number => all.reduce((total, each) => total + of(each), 0);

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

/** How many there are of something. */
export const counted = (value: number, one: string, many: string): string => `${count(value)} ${value === 1 ? one : many}`;

/** A duration in seconds, as a person says it. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 172_800) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} days`;
}
