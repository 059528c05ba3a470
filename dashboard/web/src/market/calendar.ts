/** The market's days, as the time zone has them in which one looks. */
import type { GameSummary } from "../api/market_api.js";
import { daysOf, zonesOf } from "./day.js";
import { store } from "./store.js";
import { dayOf, marketTime } from "./time.js";

class Calendar {
  /** The zone that somebody chose; null: the market's own. */
  chosen: string | null = null;
  #days: readonly string[] = [];
  #of: { readonly games: readonly GameSummary[]; readonly zone: string } | null = null;

  /** The zones one may choose, the market's own first. */
  get zones(): readonly string[] {
    return zonesOf(store.schedule);
  }

  get zone(): string {
    return this.chosen ?? this.zones[0] ?? "UTC";
  }

  /** The days that have slots, the earliest first; reckoned once for the games that are known. */
  get days(): readonly string[] {
    const { zone } = this;
    if (this.#of?.games !== store.games || this.#of.zone !== zone) {
      this.#days = daysOf(store.games, zone);
      this.#of = { games: store.games, zone };
    }
    return this.#days;
  }

  /** The present day if it has slots, else the nearest before it, else the first that has. */
  get present(): string {
    const today = dayOf(marketTime(), this.zone);
    return this.days.findLast((day) => day <= today) ?? this.days[0] ?? today;
  }
}

/** One for all views: whoever chooses a zone means it everywhere. */
export const calendar = new Calendar();
