/** The figures of a game at a glance. Import and export are never netted: each has its own price. */
import type { Bid, Game } from "../api/market_api.js";

export interface Overview {
  readonly demandKwh: number;
  readonly localKwh: number;
  readonly gridKwh: number;
  readonly offeredKwh: number;
  /** What the buyers pay for local energy, fees included. */
  readonly cost: number;
  readonly fees: number;
  /** Average of what a local kWh costs its buyer, null while nothing is sold. */
  readonly localPrice: number | null;
  readonly retail: number;
  readonly feedIn: number;
  /** What buyers and sellers together have more than if each dealt with the grid alone. */
  readonly saving: number;
}

export function overview(game: Game, bids: readonly Bid[]): Overview {
  const { retailTariff: retail, feedInTariff: feedIn } = game.parameters;
  const demandKwh = toUnit(game.buyers.reduce((sum, entry) => sum + entry.demand, 0));
  const localKwh = toUnit(game.sellers.reduce((sum, entry) => sum + entry.load, 0));
  const gridKwh = Math.max(0, toUnit(demandKwh - localKwh));
  // Bills count the grid's energy at the retail tariff. A neighbour's costs its unit price, p (1 + L / C), and the fees.
  const cost = localKwh > 0 ? bids.reduce((sum, bid) => sum + bid.cost, 0) - retail * gridKwh : 0;
  const forEnergy = game.sellers.reduce((sum, { load, price, capacity }) => sum + load * price * (1 + load / capacity), 0);
  const fees = Math.max(0, cost - forEnergy);
  return {
    demandKwh,
    localKwh,
    gridKwh,
    offeredKwh: game.sellers.reduce((sum, entry) => sum + entry.capacity, 0),
    cost,
    fees,
    localPrice: localKwh > 0 ? cost / localKwh : null,
    retail,
    feedIn,
    saving: (retail - feedIn) * localKwh - fees,
  };
}

/** To the ledger's 0.1 Wh: sums of binary fractions carry dust, of which nothing is left to the grid. */
const toUnit = (kwh: number): number => Math.round(kwh * 1e4) / 1e4;

export const STOP_REASONS: Record<string, string> = {
  equilibrium: "an equilibrium: nobody can save more than the tolerance by changing its bid alone",
  "all-passed": "all passed, though somebody could still save",
  "round-limit": "the limit of rounds",
  deadline: "the start of the delivery: the bids that stood count",
  "no-trade": "no trade: there were no sellers or no buyers",
  cancelled: "cancelled: it had no buyers or no sellers",
};
