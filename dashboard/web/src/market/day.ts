/** A day of the market, slot by slot. Import and export are never netted. */
import type { Game, GameSummary, Schedule } from "../api/market_api.js";
import { href } from "../route.js";
import { sum } from "./numbers.js";
import type { Course } from "./phases.js";
import { boundsOf, dayOf, ownZone, simulatedTime } from "./time.js";

/** What a slot came to, or, before it is settled, what is contracted for it: energy in kWh, prices in currency per kWh. */
export interface DaySlot {
  readonly game: string;
  /** Where its game is. */
  readonly link: string;
  readonly starts: number;
  readonly ends: number;
  readonly course: Course;
  readonly isSettled: boolean;
  /** Whether nobody proved a clearing of it in time. */
  readonly isFallback: boolean;
  /** Whether only the lines of its participants are on the ledger any more. */
  readonly isArchived: boolean;
  /** From neighbours; 0 before anything is contracted, as the next two. */
  readonly local: number;
  readonly fromGrid: number;
  readonly toGrid: number;
  /** What a local kWh costs on average, fees included; null where none is sold. */
  readonly localPrice: number | null;
  readonly retail: number;
  readonly feedIn: number;
}

/** The calendar days that have slots, the earliest first. */
export function daysOf(games: readonly GameSummary[], zone: string): string[] {
  const starts = games.filter(({ phase }) => phase !== "cancelled").flatMap(({ deliveryStartsAt }) => deliveryStartsAt ?? []);
  return [...new Set(starts.map((at) => dayOf(Date.parse(at), zone)))].sort();
}

/** Games whose slot has a time, of a calendar day, the earliest first. */
export function gamesOf(games: readonly GameSummary[], day: string, zone: string): GameSummary[] {
  const [from, until] = boundsOf(day, zone);
  const isIn = (at: number): boolean => at >= from && at < until;
  const found = games.filter((game) => game.phase !== "cancelled" && game.deliveryStartsAt !== null && isIn(Date.parse(game.deliveryStartsAt)));
  return found.sort((one, other) => Date.parse(one.deliveryStartsAt ?? "") - Date.parse(other.deliveryStartsAt ?? ""));
}

export function daySlot(game: Game): DaySlot {
  const { phase, mechanism, registrationEndsAt, clearingEndsAt, deliveryStartsAt, deliveryEndsAt, meteringEndsAt, finalAt } = game;
  return {
    game: game.game,
    link: href("games", game.game),
    starts: Date.parse(game.deliveryStartsAt ?? ""),
    ends: Date.parse(game.deliveryEndsAt ?? ""),
    course: { phase, mechanism, registrationEndsAt, clearingEndsAt, deliveryStartsAt, deliveryEndsAt, meteringEndsAt, finalAt },
    isSettled: game.settlement !== null,
    isFallback: game.clearing !== null && game.clearing.fallback !== null,
    isArchived: false,
    ...energies(game),
    retail: game.parameters.retailTariff,
    feedIn: game.parameters.feedInTariff,
  };
}

type Energies = Pick<DaySlot, "local" | "fromGrid" | "toGrid" | "localPrice">;

function energies({ settlement, stop, sellers, buyers, parameters }: Game): Energies {
  if (settlement !== null) {
    const { energyDelivered, energyFromGrid, energyToGrid, paidToSellers, transmissionFees } = settlement;
    const localPrice = energyDelivered > 0 ? (paidToSellers + transmissionFees) / energyDelivered : null;
    return { local: energyDelivered, fromGrid: energyFromGrid, toGrid: energyToGrid, localPrice };
  }
  if (stop === null) return { local: 0, fromGrid: 0, toGrid: 0, localPrice: null };
  const local = sum(sellers, (each) => each.load);
  const fromGrid = Math.max(0, sum(buyers, (each) => each.demand) - local);
  const toGrid = sum(sellers, (each) => Math.max(0, each.capacity - each.load));
  const localPrice = local > 0 ? (stop.totalCost - parameters.retailTariff * fromGrid) / local : null;
  return { local, fromGrid, toGrid, localPrice };
}

/** A day's energies, and what a local kWh of it costs on average. */
export function dayTotals(slots: readonly DaySlot[]): Energies {
  const local = sum(slots, (slot) => slot.local);
  return {
    local,
    fromGrid: sum(slots, (slot) => slot.fromGrid),
    toGrid: sum(slots, (slot) => slot.toGrid),
    localPrice: local > 0 ? sum(slots, (slot) => (slot.localPrice ?? 0) * slot.local) / local : null,
  };
}

/**
 * The zones in whose days one may look, the market's own first: that of the clock's schedule; of a simulated market
 * UTC, in which it began.
 */
export function zonesOf(schedule: Schedule | null): string[] {
  const scheduled = (schedule?.entries ?? []).flatMap(({ timeZone }) => (timeZone === null ? [] : [timeZone]));
  const own = simulatedTime() === null ? [ownZone(), "UTC"] : ["UTC", ownZone()];
  return [...new Set([...scheduled, ...own])];
}
