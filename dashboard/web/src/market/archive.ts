/**
 * Slots whose games are archived, a day after they are final: the ledger keeps the lines of their participants, and a
 * day is put together from those. Games go the oldest first, so that no day is asked for in vain that is still whole.
 */
import { type GameSummary, type Line, api } from "../api/market_api.js";
import { Problem } from "../api/problem.js";
import { href } from "../route.js";
import type { DaySlot } from "./day.js";
import { sum } from "./numbers.js";

/** Of so many households the statements are read for a day. */
export const MOST_HOUSEHOLDS = 100;
const QUARTER_MS = 15 * 60_000;
const READ_AT_ONCE = 4;

/** Does something with each, some at a time. */
export async function withEach<T>(all: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  const rest = [...all];
  const some = async (): Promise<void> => {
    for (let each = rest.shift(); each !== undefined; each = rest.shift()) await work(each);
  };
  await Promise.all(Array.from({ length: READ_AT_ONCE }, some));
}

export const isArchived = (error: unknown): boolean => error instanceof Problem && error.code === "GAME_ARCHIVED";

/** When the oldest slot begins whose game is still whole; Infinity where there is none. */
export function wholeSince(games: readonly GameSummary[]): number {
  const starts = games.flatMap(({ deliveryStartsAt }) => (deliveryStartsAt === null ? [] : [Date.parse(deliveryStartsAt)]));
  return Math.min(Infinity, ...starts);
}

/** What a slot came to, by the lines of all who took part in it. */
export function slotOfLines(game: string, lines: readonly Line[]): DaySlot {
  const [first] = lines;
  const starts = Date.parse(first?.begins ?? "");
  const local = sum(lines, (line) => line.bought);
  const paid = sum(lines, (line) => line.soldFor + line.fees);
  const none = { registrationEndsAt: "", clearingEndsAt: null, deliveryStartsAt: null, deliveryEndsAt: null, meteringEndsAt: null, finalAt: null };
  return {
    game,
    link: href("games", game),
    starts,
    ends: starts + QUARTER_MS, // its game would say it
    course: { ...none, phase: "closed", mechanism: "certified" },
    isSettled: true,
    isFallback: false,
    isArchived: true,
    local,
    fromGrid: sum(lines, (line) => line.fromGrid),
    toGrid: sum(lines, (line) => line.toGrid),
    localPrice: local > 0 ? paid / local : null,
    retail: first?.retailTariff ?? 0,
    feedIn: first?.feedInTariff ?? 0,
  };
}

/** The slots of a time whose games are archived, read once each; what is final never changes. */
export class ArchivedSlots {
  readonly #slots = new Map<string, DaySlot>();
  /** Games that a reset removed: they are no slots of the market any more, though their lines stand. */
  readonly #removed = new Set<string>();

  /** Reads them; null if there are too many households to ask. `whole` are the games that are not archived. */
  async read([from, until]: readonly [number, number], whole: ReadonlySet<string>): Promise<DaySlot[] | null> {
    const households = (await api.prosumers()).filter(({ role }) => role === "prosumer");
    if (households.length > MOST_HOUSEHOLDS) return null;
    const period = { from: new Date(from).toISOString(), to: new Date(until).toISOString() };
    const found = new Map<string, Line[]>();
    await withEach(households, async ({ prosumer }) => {
      for (const line of (await api.statement(prosumer, period)).lines) {
        found.set(line.game, [...(found.get(line.game) ?? []), line]);
      }
    });
    const archived = [...found].filter(([game]) => !whole.has(game));
    await withEach(archived.map(([game]) => game), (game) => this.#look(game));
    return archived.filter(([game]) => !this.#removed.has(game)).map(([game, lines]) => this.#slotOf(game, lines));
  }

  async #look(game: string): Promise<void> {
    if (this.#slots.has(game) || this.#removed.has(game)) return;
    if (!(await api.hasLines(game))) this.#removed.add(game);
  }

  #slotOf(game: string, lines: readonly Line[]): DaySlot {
    const slot = this.#slots.get(game) ?? slotOfLines(game, lines);
    this.#slots.set(game, slot);
    return slot;
  }
}
