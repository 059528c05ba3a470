/** A game's phases and their times; that of a moment follows from the times, as the ledger's changes by commands only. */
import type { Game, GameSummary } from "../api/market_api.js";

/** A phase on the ledger, or one that time alone brings: `contracted` lasts from the stop until the delivery begins. */
export type Phase = GameSummary["phase"] | "contracted";

/** What stands on the ledger of a game's course; a summary and a whole game have it. */
export type Course = Pick<
  GameSummary,
  "phase" | "mechanism" | "registrationEndsAt" | "clearingEndsAt" | "deliveryStartsAt" | "deliveryEndsAt" | "meteringEndsAt" | "finalAt"
>;

const PHASE_NAMES: Record<Phase, string> = {
  registration: "Registration",
  playing: "Bidding",
  contracted: "Contracted",
  delivery: "Delivery",
  metering: "Metering",
  closed: "Settled",
  final: "Final",
  cancelled: "Cancelled",
};

/** What people call a phase of a game. */
export function nameOf(phase: Phase, { mechanism }: Course): string {
  return phase === "playing" && mechanism === "certified" ? "Clearing" : PHASE_NAMES[phase];
}

const isOver = (at: string | null, now: number): boolean => at !== null && now >= Date.parse(at);
const isWindow = (from: string | null, until: string | null): boolean => from !== null && until !== null && from !== until;

/** Whether a settlement may be corrected for a time. */
const hasCorrections = (game: Course): boolean => isWindow(game.meteringEndsAt, game.finalAt);

/** The phase at a moment. What can never be corrected is settled, and not more final a moment later. */
export function phaseAt(game: Course, now: number): Phase {
  if (game.phase === "delivery" && game.deliveryStartsAt !== null && !isOver(game.deliveryStartsAt, now)) return "contracted";
  if (game.phase === "delivery" && isOver(game.deliveryEndsAt, now)) return "metering";
  if (game.phase === "closed" && hasCorrections(game) && isOver(game.finalAt, now)) return "final";
  return game.phase;
}

export interface Step {
  readonly phase: Phase;
  /** When it ends, or, of the last one, begins; null where that is not known. */
  readonly at: string | null;
}

/** The phases that a game goes through, in order; windows that it does not have are left out. */
export function stepsOf(game: Course, now: number): Step[] {
  const present = phaseAt(game, now);
  const steps: Step[] = [
    { phase: "registration", at: game.registrationEndsAt },
    { phase: "playing", at: game.clearingEndsAt },
    { phase: "contracted", at: game.deliveryStartsAt },
    { phase: "delivery", at: game.deliveryEndsAt },
    { phase: "metering", at: game.meteringEndsAt },
    { phase: "closed", at: null },
    { phase: "final", at: game.finalAt },
  ];
  const isGoneThrough: Partial<Record<Phase, boolean>> = {
    contracted: false,
    metering: isWindow(game.deliveryEndsAt, game.meteringEndsAt),
    final: hasCorrections(game),
  };
  return steps.filter(({ phase }) => phase === present || (isGoneThrough[phase] ?? true));
}

/** Until when the phase of a moment lasts, null if nothing is set; of a game played by turns the present turn. */
export function phaseEnd(game: Game, now: number): string | null {
  switch (phaseAt(game, now)) {
    case "registration":
      return game.registrationEndsAt;
    case "playing":
      return game.deadline ?? game.clearing?.endsAt ?? null;
    case "contracted":
      return game.deliveryStartsAt;
    case "delivery":
      return game.deliveryEndsAt;
    case "metering":
      return game.meteringEndsAt;
    default:
      return null;
  }
}

const PRECEDENCE: readonly Phase[] = ["playing", "delivery", "contracted", "registration", "metering", "closed", "final"];

/**
 * The games in which something can happen, and the newest other one, what people look for first: bids, then the slot
 * that is delivered, then the gate that closes next, then what is waited for.
 */
export function byInterest<T extends GameSummary>(games: readonly T[], now: number): T[] {
  const found = games.filter((game) => game.phase !== "cancelled");
  const live = found.filter((game) => game.phase !== "closed");
  const last = found.findLast((game) => game.phase === "closed");
  const rank = (game: T): number => PRECEDENCE.indexOf(phaseAt(game, now));
  const order = (one: T, other: T): number =>
    rank(one) - rank(other) || startOf(one) - startOf(other) || other.publishedAt.localeCompare(one.publishedAt);
  return [...live.sort(order), ...(last === undefined ? [] : [last])];
}

/** When the slot of a game begins that is not over; games whose slot has no time come first. */
function startOf(game: Course): number {
  return (game.phase === "registration" || game.phase === "delivery") && game.deliveryStartsAt !== null ? Date.parse(game.deliveryStartsAt) : 0;
}
