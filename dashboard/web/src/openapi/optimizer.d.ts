// Made from the service's OpenAPI document; see types.mjs.
export interface paths {
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Health
         * @description Tell that the process is alive.
         */
        get: operations["health_health_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Ready
         * @description Tell whether the service can do its work; 503 NOT_READY says why not.
         */
        get: operations["ready_ready_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Metrics
         * @description Return the service's metrics in the text format of Prometheus.
         */
        get: operations["metrics_metrics_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/best-response": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Best Response
         * @description Return the cheapest bid of a buyer whose turn it is.
         *
         *     With a `retail_tariff` the bid leaves to the grid what costs more from the sellers. Without one, 422
         *     `INFEASIBLE_DEMAND` says by how many kWh the demand exceeds what is left, in `shortfall`. At most 5,000 sellers.
         */
        post: operations["best_response_best_response_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/equilibrium": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Equilibrium
         * @description Return a game's equilibrium, by sequential best response or the variational one.
         *
         *     With a `retail_tariff` the grid is in the game; without one, 422 `INFEASIBLE_DEMAND` if the demands do not fit.
         *
         *     At most 1,000 buyers, 300 sellers and 40,000 pairs of them. 503 `TOO_BUSY` when too many hard games are being
         *     solved, 422 `SOLVE_TOO_LONG` when this one takes too long. A client that hangs up ends its solve.
         */
        post: operations["equilibrium_equilibrium_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/social-optimum": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Social Optimum
         * @description Return the allocation whose total cost is least; its buyers may have regrets. Limits as for /equilibrium.
         */
        post: operations["social_optimum_social_optimum_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/clearing": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Clearing
         * @description Return the variational equilibrium of a slot with the grid in the game: prices that certify it.
         *
         *     At most 10,000 prosumers, and 40,000 pairs of places if hops are a table. 422 `TOO_MANY_PAIRS` where nearly
         *     everybody is as near as everybody else; otherwise as for /equilibrium.
         */
        post: operations["clearing_clearing_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/solves/{request_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Progress
         * @description Tell how far the question about a whole game is that came with this X-Request-Id; 404 once it is answered.
         */
        get: operations["progress_solves__request_id__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/solves/{request_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel
         * @description Give up a question about a whole game; whoever asked it is told 409 `CANCELLED`.
         */
        post: operations["cancel_solves__request_id__cancel_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/optimalEnergyDecomposition": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Optimal Energy Decomposition
         * @description Answer as the original system did, by a solver that stops early, often kWh away from the best response.
         *
         *     `solution` is what the original would give, but adds up to the demand; `best_response` is what the buyer should bid.
         *     New clients use /best-response. At most 100 sellers.
         */
        post: operations["optimal_energy_decomposition_optimalEnergyDecomposition_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * BestResponseAnswer
         * @description The cheapest bid at the others' present loads.
         */
        BestResponseAnswer: {
            /**
             * Amounts
             * @description {seller: kWh}, of every seller; no bid on the grid of 0.1 Wh is cheaper. Without a tariff it meets the demand.
             */
            amounts: {
                [key: string]: number;
            };
            /**
             * From Grid
             * @description The rest of the demand, where the grid is cheaper or nothing is left; 0 without a tariff.
             */
            from_grid: number;
            /**
             * Cost
             * @description What the ledger would charge for it, the rest from the grid included.
             */
            cost: number;
            /**
             * Marginal Price
             * @description What a little more demand would cost per kWh.
             */
            marginal_price: number;
            /**
             * Standing Cost
             * @description What the standing bid costs; null without one.
             */
            standing_cost: number | null;
            /**
             * Saving
             * @description What changing the bid would save; null without a standing bid.
             */
            saving: number | null;
        };
        /**
         * BestResponseQuestion
         * @description A buyer's turn: the fields of a BuyBidEvent, in kWh and currency per kWh, as numbers or decimal strings.
         * @example {
         *       "demand": 28,
         *       "fee_per_hop": 0.02,
         *       "retail_tariff": 0.2869,
         *       "sellers": [
         *         {
         *           "capacity": "350",
         *           "hops": 4,
         *           "others_load": "84.2965",
         *           "price": "0.14",
         *           "seller": "S004"
         *         },
         *         {
         *           "capacity": "36",
         *           "hops": 1,
         *           "others_load": "24.2417",
         *           "price": "0.0838",
         *           "seller": "S001"
         *         }
         *       ],
         *       "standing_bid": {
         *         "S001": "8",
         *         "S004": "20"
         *       }
         *     }
         */
        BestResponseQuestion: {
            /** Demand */
            demand: number | string;
            /** Retail Tariff */
            retail_tariff?: number | string | null;
            /**
             * Fee Per Hop
             * @default 20000000000000000
             */
            fee_per_hop?: number | string;
            /** Sellers */
            sellers: components["schemas"]["SellerInTurn"][];
            /** Standing Bid */
            standing_bid?: {
                [key: string]: number | string;
            } | null;
        };
        /**
         * BuyersDemand
         * @description A buyer of a game.
         */
        BuyersDemand: {
            /** Demand */
            demand: number | string;
        };
        /**
         * ClearingAnswer
         * @description The variational equilibrium of a slot with the grid in the game.
         *
         *     The prices alone certify it: every buyer's purchases follow from them.
         */
        ClearingAnswer: {
            /**
             * Seller Prices
             * @description {seller: what its energy is worth, without the fee for the hops}
             */
            seller_prices: {
                [key: string]: number;
            };
            /**
             * Loads
             * @description {seller: what all buyers take from it}, before it is rounded to whole purchases
             */
            loads: {
                [key: string]: number;
            };
            /**
             * From Grid
             * @description What all buyers take from the grid.
             */
            from_grid: number;
            /**
             * Total Cost
             * @description What all buyers pay, the grid's energy included.
             */
            total_cost: number;
            /**
             * Duality Gap
             * @description How far, at most, the potential is above its minimum.
             */
            duality_gap: number;
            /**
             * Relative Gap
             * @description the gap as a share of the potential
             */
            relative_gap: number;
            /**
             * Converged
             * @description Whether that share is at most 1e-8.
             */
            converged: boolean;
            /**
             * Steps
             * @description Of Newton's method.
             */
            steps: number;
            /**
             * Rows
             * @description {buyer: {seller: kWh}}, of pairs in use; null unless asked for. They fit, and add up with ``grid`` exactly.
             */
            rows: {
                [key: string]: {
                    [key: string]: number;
                };
            } | null;
            /**
             * Grid
             * @description {buyer: what it takes from the grid}; null unless rows are asked for.
             */
            grid: {
                [key: string]: number;
            } | null;
        };
        /**
         * ClearingQuestion
         * @description A slot with the grid in the game.
         *
         *     Hops are those of a graph (``edges``), one an edge, or of a table between places (``hops``). Prosumers may stand at
         *     ``places``; who is not listed there is a place of its own.
         * @example {
         *       "buyers": {
         *         "P003": {
         *           "demand": 28
         *         },
         *         "P007": {
         *           "demand": 15
         *         }
         *       },
         *       "edges": [
         *         [
         *           "P003",
         *           "feeder"
         *         ],
         *         [
         *           "P007",
         *           "feeder"
         *         ],
         *         [
         *           "feeder",
         *           "S001"
         *         ]
         *       ],
         *       "retail_tariff": 0.2869,
         *       "sellers": {
         *         "S001": {
         *           "capacity": 36,
         *           "price": "0.08376051515357819"
         *         }
         *       }
         *     }
         */
        ClearingQuestion: {
            /** Buyers */
            buyers: {
                [key: string]: components["schemas"]["BuyersDemand"];
            };
            /** Sellers */
            sellers: {
                [key: string]: components["schemas"]["SellersOffer"];
            };
            /** Retail Tariff */
            retail_tariff: number | string;
            /**
             * Fee Per Hop
             * @default 20000000000000000
             */
            fee_per_hop?: number | string;
            /** Edges */
            edges?: [
                string,
                string
            ][] | null;
            /** Hops */
            hops?: {
                [key: string]: {
                    [key: string]: number;
                };
            } | null;
            /**
             * Places
             * @default {}
             */
            places?: {
                [key: string]: string;
            };
            /**
             * Rows
             * @default false
             */
            rows?: boolean;
        };
        /**
         * EquilibriumQuestion
         * @description A game and how to find its equilibrium.
         *
         *     ``best-response`` plays round after round until no buyer saved more than a share ``tolerance`` of its cost in one,
         *     or ``round_limit`` is reached; where capacities are full its end depends on the buyers' order. ``variational`` is
         *     the one equilibrium that does not, with prices and a duality gap that certify it.
         * @example {
         *       "buyers": {
         *         "P003": {
         *           "demand": 28
         *         },
         *         "P007": {
         *           "demand": 15
         *         }
         *       },
         *       "fee_per_hop": 0.02,
         *       "hops": {
         *         "P003": {
         *           "S001": 1,
         *           "S004": 4
         *         },
         *         "P007": {
         *           "S001": 2,
         *           "S004": 1
         *         }
         *       },
         *       "method": "best-response",
         *       "sellers": {
         *         "S001": {
         *           "capacity": 36,
         *           "price": "0.08376051515357819"
         *         },
         *         "S004": {
         *           "capacity": 350,
         *           "price": 0.14
         *         }
         *       }
         *     }
         */
        EquilibriumQuestion: {
            /** Buyers */
            buyers: {
                [key: string]: components["schemas"]["BuyersDemand"];
            };
            /** Sellers */
            sellers: {
                [key: string]: components["schemas"]["SellersOffer"];
            };
            /** Hops */
            hops: {
                [key: string]: {
                    [key: string]: number;
                };
            };
            /**
             * Fee Per Hop
             * @default 20000000000000000
             */
            fee_per_hop?: number | string;
            /** Retail Tariff */
            retail_tariff?: number | string | null;
            /**
             * Method
             * @default best-response
             * @enum {string}
             */
            method?: "best-response" | "variational";
            /**
             * Tolerance
             * @default 1
             */
            tolerance?: number | string;
            /**
             * Round Limit
             * @default 1000
             */
            round_limit?: number;
        };
        /**
         * GameAnswer
         * @description A game's allocation. Each demand is met to the last 0.1 Wh, by the grid where it is in the game.
         */
        GameAnswer: {
            /**
             * Bids
             * @description {buyer: {seller: kWh}}, of every pair.
             */
            bids: {
                [key: string]: {
                    [key: string]: number;
                };
            };
            /**
             * Loads
             * @description {seller: kWh}
             */
            loads: {
                [key: string]: number;
            };
            /**
             * From Grid
             * @description {buyer: kWh}: the rest of its demand, 0 without a retail tariff.
             */
            from_grid: {
                [key: string]: number;
            };
            /**
             * Costs
             * @description {buyer: currency}
             */
            costs: {
                [key: string]: number;
            };
            /**
             * Total Cost
             * @description currency units, at most 6 decimals
             */
            total_cost: number;
            /**
             * Regrets
             * @description {buyer: what it could save by changing its bid alone}
             */
            regrets: {
                [key: string]: number;
            };
            /**
             * Max Regret
             * @description currency units, at most 6 decimals
             */
            max_regret: number;
            /**
             * Converged
             * @description Whether these bids, rounded as they are, met the tolerance before a limit; if not, they are the best found.
             */
            converged: boolean;
            /**
             * Rounds
             * @description Of sequential best response.
             */
            rounds: number | null;
            /**
             * Seller Prices
             * @description {seller: what its energy is worth at its load}, which certify a variational equilibrium or social optimum.
             */
            seller_prices: {
                [key: string]: number;
            } | null;
            /**
             * Duality Gap
             * @description How far, at most, the potential (or for a social optimum the total cost) is above its minimum.
             */
            duality_gap: number | null;
        };
        /**
         * GameQuestion
         * @description A whole game: buyers in turn order, sellers, and the hops from each buyer to each seller.
         * @example {
         *       "buyers": {
         *         "P003": {
         *           "demand": 28
         *         },
         *         "P007": {
         *           "demand": 15
         *         }
         *       },
         *       "fee_per_hop": 0.02,
         *       "hops": {
         *         "P003": {
         *           "S001": 1,
         *           "S004": 4
         *         },
         *         "P007": {
         *           "S001": 2,
         *           "S004": 1
         *         }
         *       },
         *       "sellers": {
         *         "S001": {
         *           "capacity": 36,
         *           "price": "0.08376051515357819"
         *         },
         *         "S004": {
         *           "capacity": 350,
         *           "price": 0.14
         *         }
         *       }
         *     }
         */
        GameQuestion: {
            /** Buyers */
            buyers: {
                [key: string]: components["schemas"]["BuyersDemand"];
            };
            /** Sellers */
            sellers: {
                [key: string]: components["schemas"]["SellersOffer"];
            };
            /** Hops */
            hops: {
                [key: string]: {
                    [key: string]: number;
                };
            };
            /**
             * Fee Per Hop
             * @default 20000000000000000
             */
            fee_per_hop?: number | string;
        };
        /**
         * Method
         * @description How a solution was found.
         * @enum {string}
         */
        Method: "slsqp" | "best-response";
        /**
         * OriginalAnswer
         * @description A solution as the original's clients know it, and the exact best response beside it.
         */
        OriginalAnswer: {
            /**
             * Solution
             * @description kWh in the order of the sellers, adding up to the demand exactly; what the original's solver gives.
             */
            solution: number[];
            /** @description ``slsqp``, or ``best-response`` where that fails. */
            method: components["schemas"]["Method"];
            /**
             * Best Response
             * @description kWh in the order of the sellers; what the buyer should bid.
             */
            best_response: number[];
        };
        /**
         * OriginalQuestion
         * @description The original system's body: lists in the order of the sellers, in kWh and currency per kWh.
         *
         *     Capacities are rounded to 0.1 Wh. Of a seller whose capacity is used up, nothing is left.
         * @example {
         *       "buyer_demand": 28,
         *       "hop_distrances": [
         *         4,
         *         1
         *       ],
         *       "nr_sellers": 2,
         *       "sellers_capacity": [
         *         350,
         *         36
         *       ],
         *       "sellers_price": [
         *         0.14,
         *         0.08376051515357819
         *       ],
         *       "used_capacities": [
         *         84.2965,
         *         24.2417
         *       ]
         *     }
         */
        OriginalQuestion: {
            /** Nr Sellers */
            nr_sellers: number;
            /** Buyer Demand */
            buyer_demand: number | string;
            /** Sellers Price */
            sellers_price: number[];
            /** Sellers Capacity */
            sellers_capacity: number[];
            /** Used Capacities */
            used_capacities: number[];
            /** Hop Distrances */
            hop_distrances: number[];
        };
        /**
         * SellerInTurn
         * @description A seller as the buyer in turn sees it: kWh, currency per kWh and hops.
         */
        SellerInTurn: {
            /** Seller */
            seller: string;
            /** Capacity */
            capacity: number | string;
            /** Price */
            price: number | string;
            /** Others Load */
            others_load: number | string;
            /** Hops */
            hops: number;
        };
        /**
         * SellersOffer
         * @description A seller of a game.
         */
        SellersOffer: {
            /** Capacity */
            capacity: number | string;
            /** Price */
            price: number | string;
        };
        /**
         * SolveAnswer
         * @description How far a solve is.
         */
        SolveAnswer: {
            /**
             * Seconds
             * @description For how long it has been at work.
             */
            seconds: number;
            /**
             * Steps
             * @description How many steps its method has taken, as told at least every tenth of a second.
             */
            steps: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    health_health_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: string;
                    };
                };
            };
            /** @description The request cannot be answered; the code says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
            /** @description The service cannot answer now; the code says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
        };
    };
    ready_ready_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: string;
                    };
                };
            };
            /** @description The request cannot be answered; the code says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
            /** @description The service cannot answer now; the code says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
        };
    };
    metrics_metrics_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description The request cannot be answered; the code says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
            /** @description The service cannot answer now; the code says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
        };
    };
    best_response_best_response_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BestResponseQuestion"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BestResponseAnswer"];
                };
            };
            /** @description The request cannot be answered; the code says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
            /** @description The service cannot answer now; the code says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
        };
    };
    equilibrium_equilibrium_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EquilibriumQuestion"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GameAnswer"];
                };
            };
            /** @description The request cannot be answered; the code says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
            /** @description The service cannot answer now; the code says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
        };
    };
    social_optimum_social_optimum_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["GameQuestion"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GameAnswer"];
                };
            };
            /** @description The request cannot be answered; the code says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
            /** @description The service cannot answer now; the code says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
        };
    };
    clearing_clearing_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ClearingQuestion"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ClearingAnswer"];
                };
            };
            /** @description The request cannot be answered; the code says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
            /** @description The service cannot answer now; the code says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
        };
    };
    progress_solves__request_id__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                request_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SolveAnswer"];
                };
            };
            /** @description The request cannot be answered; the code says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
            /** @description The service cannot answer now; the code says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
        };
    };
    cancel_solves__request_id__cancel_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                request_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request cannot be answered; the code says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
            /** @description The service cannot answer now; the code says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
        };
    };
    optimal_energy_decomposition_optimalEnergyDecomposition_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OriginalQuestion"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OriginalAnswer"];
                };
            };
            /** @description The request cannot be answered; the code says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
            /** @description The service cannot answer now; the code says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": {
                        /**
                         * @description The code tells problems apart.
                         * @constant
                         */
                        type: "about:blank";
                        /** @description The status in words. */
                        title: string;
                        status: number;
                        /** @description What was wrong and what to do. */
                        detail: string;
                        /** @description Stable; made for programs. */
                        code: string;
                        errors?: {
                            field: string;
                            message: string;
                        }[];
                    };
                };
            };
        };
    };
}
