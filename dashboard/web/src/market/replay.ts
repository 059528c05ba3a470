/**
 * A game turn by turn, from its events: who bid what, and what that did to the potential and the regrets.
 *
 * Formulas: docs, "The market model". With the others fixed a buyer's best response is water-filling,
 * x_j = clip((lambda - b_j) C_j / (2 p_j), 0, R_j), lambda at most the retail tariff; the game's exact potential is
 * sum_ij (p_j + tau h_ij) x_ij + sum_j p_j (L_j^2 + sum_i x_ij^2) / (2 C_j) + retail sum_i (d_i - sum_j x_ij).
 */
import type { Bid, Game, Hops } from "../api/market_api.js";
import type { MarketEvent } from "../api/event_stream.js";

interface Seller {
  readonly seller: string;
  readonly capacity: number;
  readonly price: number;
  readonly othersLoad: number;
  readonly hops: number;
}

/** What stood after a turn: `bids[i][j]` is what buyer i buys from seller j, kWh. */
export interface Turn {
  readonly number: number;
  readonly round: number;
  readonly buyer: string;
  readonly at: string;
  readonly bids: readonly (readonly number[])[];
  readonly potential: number;
  readonly changed: number;
}

export interface Replay {
  readonly sellers: readonly string[];
  readonly buyers: readonly string[];
  /** kWh of each buyer; what its bid does not cover comes from the grid. */
  readonly demands: readonly number[];
  readonly turns: readonly Turn[];
  /** The largest saving that was left to any buyer at the end of each round, in currency. */
  readonly regretByRound: readonly number[];
}

export class Instance {
  readonly sellers: readonly string[];
  readonly buyers: readonly string[];

  constructor(
    readonly game: Game,
    private readonly hops: Hops,
  ) {
    this.sellers = game.sellers.map((entry) => entry.seller);
    this.buyers = game.buyers.map((entry) => entry.buyer);
  }

  linearCost(buyer: number, seller: number): number {
    const offer = this.game.sellers[seller];
    const hops = this.hops[this.buyers[buyer] ?? ""]?.[this.sellers[seller] ?? ""] ?? 0;
    return (offer?.price ?? 0) + this.game.parameters.feePerHop * hops;
  }

  loads(bids: readonly (readonly number[])[]): number[] {
    return this.sellers.map((_, j) => bids.reduce((sum, row) => sum + (row[j] ?? 0), 0));
  }

  potential(bids: readonly (readonly number[])[]): number {
    const loads = this.loads(bids);
    let sum = bids.reduce((all, row, i) => all + this.fromGrid(i, row), 0);
    this.game.sellers.forEach((offer, j) => {
      let squares = (loads[j] ?? 0) ** 2;
      bids.forEach((row, i) => {
        const amount = row[j] ?? 0;
        sum += this.linearCost(i, j) * amount;
        squares += amount ** 2;
      });
      sum += (offer.price * squares) / (2 * offer.capacity);
    });
    return sum;
  }

  /** What the part of a buyer's demand costs that its bid leaves to the grid. */
  fromGrid(buyer: number, row: readonly number[]): number {
    const rest = (this.game.buyers[buyer]?.demand ?? 0) - row.reduce((sum, each) => sum + each, 0);
    return this.game.parameters.retailTariff * rest;
  }

  cost(buyer: number, row: readonly number[], othersLoads: readonly number[]): number {
    return this.game.sellers.reduce((sum, offer, j) => {
      const amount = row[j] ?? 0;
      const load = (othersLoads[j] ?? 0) + amount;
      return sum + amount * (this.linearCost(buyer, j) + (offer.price * load) / offer.capacity);
    }, this.fromGrid(buyer, row));
  }

  /** The cheapest way to meet a buyer's demand, from sellers and the grid, others' bids fixed. */
  bestResponse(buyer: number, othersLoads: readonly number[]): number[] {
    const demand = this.game.buyers[buyer]?.demand ?? 0;
    const slopes = this.game.sellers.map((offer) => offer.price / offer.capacity);
    const starts = this.game.sellers.map(
      (_, j) => this.linearCost(buyer, j) + (slopes[j] ?? 0) * (othersLoads[j] ?? 0),
    );
    const room = this.game.sellers.map((offer, j) => Math.max(0, offer.capacity - (othersLoads[j] ?? 0)));
    const at = (level: number): number[] =>
      starts.map((start, j) => Math.min(room[j] ?? 0, Math.max(0, (level - start) / (2 * (slopes[j] ?? 1)))));
    const bought = (level: number): number => at(level).reduce((sum, each) => sum + each, 0);
    let [low, high] = [Math.min(...starts), this.game.parameters.retailTariff];
    if (bought(high) <= demand) return at(high);
    for (let step = 0; step < 100; step++) {
      const middle = (low + high) / 2;
      if (bought(middle) < demand) low = middle;
      else high = middle;
    }
    return at(high);
  }

  largestRegret(bids: readonly (readonly number[])[]): number {
    const loads = this.loads(bids);
    return bids.reduce((worst, row, i) => {
      const others = loads.map((load, j) => load - (row[j] ?? 0));
      const saving = this.cost(i, row, others) - this.cost(i, this.bestResponse(i, others), others);
      return Math.max(worst, saving);
    }, 0);
  }
}

/** Replays a game from its BuyBidEvents and, for the turns after the last of them, the bids that stand. */
export function replay(game: Game, hops: Hops, events: readonly MarketEvent[], standing: readonly Bid[]): Replay {
  const instance = new Instance(game, hops);
  const asked = events.filter((event) => event.name === "BuyBidEvent");
  const bids = instance.buyers.map(() => instance.sellers.map(() => 0));
  const turns: Turn[] = [];
  const regretByRound: number[] = [];
  asked.forEach((event, number) => {
    const place = instance.buyers.indexOf(String(event.buyerInTurn));
    const row = bids[place];
    if (row === undefined) return;
    const before = [...row];
    const next = asked[number + 1];
    rowAfter(instance, bids, place, next, standing).forEach((amount, j) => (row[j] = amount));
    if (next === undefined && game.stop !== null) bids.forEach((_, i) => (bids[i] = contracted(instance, i, standing)));
    turns.push({
      number: number + 1,
      round: Number(event.round),
      buyer: instance.buyers[place] ?? "",
      at: event.at,
      bids: bids.map((each) => [...each]),
      potential: instance.potential(bids),
      changed: row.reduce((sum, amount, j) => sum + Math.abs(amount - (before[j] ?? 0)), 0) / 2,
    });
    if (next === undefined || Number(next.round) !== Number(event.round)) regretByRound.push(instance.largestRegret(bids));
  });
  const demands = game.buyers.map((entry) => entry.demand);
  return { sellers: instance.sellers, buyers: instance.buyers, demands, turns, regretByRound };
}

/** What a buyer buys by the bids that stand; after the stop some of what it bid may have been handed back to the grid. */
function contracted(instance: Instance, place: number, standing: readonly Bid[]): number[] {
  const amounts = standing.find((bid) => bid.buyer === instance.buyers[place])?.amounts ?? {};
  return instance.sellers.map((seller) => amounts[seller] ?? 0);
}

/** What a buyer's bid is after its turn: the next turn's loads tell it, and at the end what stands. */
function rowAfter(
  instance: Instance,
  bids: readonly (readonly number[])[],
  place: number,
  next: MarketEvent | undefined,
  standing: readonly Bid[],
): number[] {
  if (next === undefined) return contracted(instance, place, standing);
  const own = (next.standingBid ?? {}) as Record<string, number>;
  if (String(next.buyerInTurn) === instance.buyers[place]) return instance.sellers.map((seller) => own[seller] ?? 0);
  const loads = instance.loads(bids);
  return (next.sellers as Seller[]).map((seller, j) => {
    const after = seller.othersLoad + (own[seller.seller] ?? 0);
    return round((bids[place]?.[j] ?? 0) + after - (loads[j] ?? 0));
  });
}

/** To the grid of 0.1 Wh on which all amounts are. */
function round(amount: number): number {
  return Math.round(amount * 10_000) / 10_000;
}
