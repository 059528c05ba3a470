/** Where on the page somebody is: `#/view/detail`, so that every place has an address and the back button works. */
export const VIEWS = {
  now: "Now",
  day: "Day",
  games: "Games",
  network: "Network",
  households: "Households",
  prosumers: "Prosumers",
  ledger: "Ledger",
  operations: "Operations",
} as const;

export type View = keyof typeof VIEWS;

export interface Route {
  readonly view: View;
  readonly detail: readonly string[];
}

export function route(): Route {
  const [view = "", ...detail] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  return view in VIEWS ? { view: view as View, detail } : { view: "now", detail: [] };
}

export const href = (view: View, ...detail: readonly (string | number)[]): string =>
  `#/${[view, ...detail.map(String).map(encodeURIComponent)].join("/")}`;
