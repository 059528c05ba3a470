/** The market's days, as the time zone has them in which one looks. */
import type { GameSummary } from "../api/market_api.js";
import { daysOf, zonesOf } from "./day.js";
import { store } from "./store.js";
import { dayBeside, dayOf, marketTime, simulatedTime } from "./time.js";

const MOST_DAYS = 400; // for so long a clock keeps lines, unless it is told otherwise

/** The days from the market's first until one before that which has games: slots of theirs may be archived. */
function daysBefore(first: string | undefined, zone: string): string[] {
  if (store.market === null) return [];
  const [now, simulated] = [marketTime(), simulatedTime()];
  const began = dayOf(simulated === null ? Date.parse(store.market.initialisedAt) : Date.parse(simulated.start), zone);
  const days: string[] = [];
  const today = dayOf(now, zone);
  let day = first === undefined || first > today ? today : dayBeside(first, -1);
  for (; day >= began && days.length < MOST_DAYS; day = dayBeside(day, -1)) days.push(day);
  return days.reverse();
}

class Calendar {
  /** The zone that somebody chose; null: the market's own. */
  chosen: string | null = null;
  #days: readonly string[] = [];
  #withGames: readonly string[] = [];
  #of: { readonly games: readonly GameSummary[]; readonly zone: string } | null = null;

  /** The zones one may choose, the market's own first. */
  get zones(): readonly string[] {
    return zonesOf(store.schedule);
  }

  /** Whether days can be told: before the clock was asked for its zone they would be another's, and what was read of them for nothing. */
  get isKnown(): boolean {
    return store.market !== null && store.isScheduleAsked;
  }

  get zone(): string {
    return this.chosen ?? this.zones[0] ?? "UTC";
  }

  /** The days that have slots, or had some that are archived by now, the earliest first; reckoned once for the games that are known. */
  get days(): readonly string[] {
    this.#reckon();
    return this.#days;
  }

  /**
   * The present day if it has slots, else the nearest before it, else the first that has. Where no game is left of a
   * market whose time is simulated, its first day that had a noon: days pass there while one looks.
   */
  get present(): string {
    const today = dayOf(marketTime(), this.zone);
    this.#reckon();
    const known = this.#withGames;
    return known.findLast((day) => day <= today) ?? known[0] ?? this.#first ?? today;
  }

  get #first(): string | undefined {
    const simulated = simulatedTime();
    return simulated === null ? undefined : this.#days.find((day) => Date.parse(`${day}T12:00:00Z`) > Date.parse(simulated.start));
  }

  #reckon(): void {
    const { zone } = this;
    if (this.#of?.games === store.games && this.#of.zone === zone) return;
    this.#withGames = daysOf(store.games, zone);
    this.#days = [...daysBefore(this.#withGames[0], zone), ...this.#withGames];
    this.#of = { games: store.games, zone };
  }
}

/** One for all views: whoever chooses a zone means it everywhere. */
export const calendar = new Calendar();
