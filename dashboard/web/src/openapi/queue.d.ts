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
    "/queue": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Queue State
         * @description Return how much waits, since when, and what stands in the way.
         */
        get: operations["queue_state_queue_get"];
        put?: never;
        /**
         * Post Commands
         * @description Take one signed command or an array of at most 1,000; what is taken is stored durably before the answer.
         *
         *     With ``wait`` a command's answer is its status once it is decided; an array is answered once all of them are.
         */
        post: operations["post_commands_queue_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/queue/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Command Status
         * @description Return how far a command came; with ``wait`` the answer comes as soon as it is decided.
         */
        get: operations["command_status_queue__id__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/market": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Market
         * @description Return the market as a whole: its operators, its money, the two operators' accounts.
         */
        get: operations["market_market_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/topology": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Topology
         * @description Return the network's graph, one hop an edge.
         */
        get: operations["topology_topology_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/tariffs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Tariffs
         * @description Return the grid's tariffs by time; a game keeps those that it was published with.
         */
        get: operations["tariffs_tariffs_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/games": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Games
         * @description Return games, oldest first.
         */
        get: operations["games_games_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/games/{game}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Game
         * @description Return one game; 404 UNKNOWN_GAME.
         */
        get: operations["game_games__game__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/games/{game}/topology": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Topology Of Game
         * @description Return the graph that the hops of a large game follow from, null of others; 404 UNKNOWN_GAME.
         */
        get: operations["topology_of_game_games__game__topology_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/games/{game}/bids": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Bids
         * @description Return a game's standing bids in turn order; 404 UNKNOWN_GAME.
         */
        get: operations["bids_games__game__bids_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/games/{game}/transfers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Transfers
         * @description Return a game's transfers; 404 UNKNOWN_GAME.
         */
        get: operations["transfers_games__game__transfers_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/games/{game}/lines": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lines
         * @description Return what a settled slot came to for each participant, by name; 404 UNKNOWN_GAME.
         */
        get: operations["lines_games__game__lines_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/games/{game}/balance": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Balance
         * @description Return a slot's balance over all meters, to be held against that of the feeder; 404 UNKNOWN_GAME.
         */
        get: operations["balance_games__game__balance_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/meters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Meters
         * @description Return the meters in service, by their prosumers.
         */
        get: operations["meters_meters_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/prosumers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Prosumers
         * @description Return registered identities with their accounts, by name.
         */
        get: operations["prosumers_prosumers_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/prosumers/{prosumer}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Prosumer
         * @description Return one identity; 404 UNKNOWN_PROSUMER.
         */
        get: operations["prosumer_prosumers__prosumer__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/prosumers/{prosumer}/statement": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Statement
         * @description Return what happened in a prosumer's account, slot by slot; 404 UNKNOWN_PROSUMER.
         *
         *     Where there is more than one answer takes, ``next`` (as CSV the header Link) says from when on to ask.
         */
        get: operations["statement_prosumers__prosumer__statement_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/blocks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Blocks
         * @description Return some blocks in their order.
         */
        get: operations["blocks_blocks_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/blocks/{number}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Block
         * @description Return one block with its transactions; 404 UNKNOWN_BLOCK.
         */
        get: operations["block_blocks__number__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/blocks/{number}/evidence": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Evidence
         * @description Return what the block proves by itself: the bytes that its hash covers, and who signed it; 404 UNKNOWN_BLOCK.
         */
        get: operations["evidence_blocks__number__evidence_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Server Sent Events
         * @description Stream the market's events, from a cursor on, without gap or repeat.
         */
        get: operations["server_sent_events_events_get"];
        put?: never;
        post?: never;
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
         * AccountEntry
         * @description Money that moved in an account for another reason than a slot.
         */
        AccountEntry: {
            /**
             * At
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            at: string;
            kind: components["schemas"]["EntryKind"];
            /**
             * Amount
             * @description currency units, at most 6 decimals
             */
            amount: number;
        };
        /**
         * BidView
         * @description A buyer's standing bid, what it and the rest from the grid cost at present, and after the stop its regret.
         *
         *     Attributes
         *     ----------
         *     amounts
         *         Of every seller, in brief of those it buys from. After the stop what is bought: what cost more than from the
         *         grid is handed back.
         */
        BidView: {
            /** Buyer */
            buyer: string;
            /**
             * Demand
             * @description kWh, at most 4 decimals
             */
            demand: number;
            /** Amounts */
            amounts: {
                [key: string]: number;
            } | null;
            /** Round */
            round: number | null;
            /**
             * Cost
             * @description currency units, at most 6 decimals
             */
            cost: number;
            /** Regret */
            regret: number | null;
        };
        /**
         * Bids
         * @description The bids of a game, in turn order.
         */
        Bids: {
            /** Bids */
            bids: components["schemas"]["BidView"][];
        };
        /**
         * BlockSummary
         * @description A block in the list; ``at`` is null where none of its transactions is the market's.
         */
        BlockSummary: {
            /** Number */
            number: number;
            /** Hash */
            hash: string;
            /** Previoushash */
            previousHash: string;
            /** At */
            at: string | null;
            /** Nrtransactions */
            nrTransactions: number;
        };
        /**
         * BlockView
         * @description A block with its transactions.
         */
        BlockView: {
            /** Number */
            number: number;
            /** Hash */
            hash: string;
            /** Previoushash */
            previousHash: string;
            /** At */
            at: string | null;
            /** Nrtransactions */
            nrTransactions: number;
            /** Transactions */
            transactions: components["schemas"]["TransactionView"][];
        };
        /**
         * Blocks
         * @description Some blocks, in their order, and how many the ledger has.
         */
        Blocks: {
            /** Height */
            height: number;
            /** Blocks */
            blocks: components["schemas"]["BlockSummary"][];
        };
        /**
         * BuyerInGame
         * @description What a buyer asks for, on what its place in the turn order depends, and what is frozen of its money.
         */
        BuyerInGame: {
            /** Buyer */
            buyer: string;
            /**
             * Demand
             * @description kWh, at most 4 decimals
             */
            demand: number;
            /** Contributionmetric */
            contributionMetric: number | null;
            /**
             * Frozen
             * @description currency units, at most 6 decimals
             */
            frozen: number;
        };
        /**
         * CertificateView
         * @description A certificate whole: everybody's purchases follow from it.
         *
         *     Attributes
         *     ----------
         *     prices
         *         {seller: what its energy is worth, without the fee for the hops}
         *     corrections
         *         {buyer: {seller: kWh}}: what it takes instead of what follows from the prices.
         */
        CertificateView: {
            /** Poster */
            poster: string;
            /** Certificate */
            certificate: string;
            /**
             * Gap
             * @description currency, with as many decimals as it takes
             */
            gap: number;
            /**
             * Gapshare
             * @description share, with at most 18 decimals
             */
            gapShare: number;
            /**
             * Allowance
             * @description currency, with as many decimals as it takes
             */
            allowance: number;
            /** Prices */
            prices: {
                [key: string]: number;
            };
            /** Corrections */
            corrections: {
                [key: string]: {
                    [key: string]: number;
                };
            };
        };
        /**
         * ClearingView
         * @description Of a certified game: what is to be cleared, and what came of it.
         *
         *     Attributes
         *     ----------
         *     arena
         *         The hash that a clearing has to state.
         *     ends_at
         *         Until then clearings are taken.
         *     proofs_end_at
         *         Until then one that was posted in time may go on proving itself.
         *     proposals
         *         Those that are being proved.
         *     fallback
         *         What the game came to instead if none was accepted in time.
         */
        ClearingView: {
            /** Arena */
            arena: string;
            /**
             * Endsat
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            endsAt: string;
            /**
             * Proofsendat
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            proofsEndAt: string;
            /** Proposals */
            proposals: components["schemas"]["ProposalView"][];
            fallback: components["schemas"]["Fallback"] | null;
            certificate: components["schemas"]["CertificateView"] | null;
        };
        /**
         * CommandError
         * @description Why a command was rejected.
         */
        CommandError: {
            /** Code */
            code: string;
            /** Message */
            message: string;
        };
        /**
         * CommandStatus
         * @description How far a command came; topic, transaction and block are null where only the ledger remembers it.
         */
        CommandStatus: {
            /** Id */
            id: string;
            /** Topic */
            topic: string | null;
            /** Prosumer */
            prosumer: string;
            status: components["schemas"]["Status"];
            /** Transaction */
            transaction: string | null;
            /** Block */
            block: number | null;
            /** Result */
            result: {
                [key: string]: unknown;
            } | null;
            error: components["schemas"]["CommandError"] | null;
        };
        /**
         * CommittedCommand
         * @description What the contract answers to a command that took effect.
         *
         *     Attributes
         *     ----------
         *     result
         *         What its topic's rule returned, see below.
         *     duplicate
         *         Whether the command had been delivered before.
         */
        CommittedCommand: {
            /** Id */
            id: string;
            /** Prosumer */
            prosumer: string;
            /**
             * Status
             * @default committed
             * @constant
             */
            status: "committed";
            /** Result */
            result: {
                [key: string]: unknown;
            };
            /**
             * Duplicate
             * @default false
             */
            duplicate: boolean;
        };
        /**
         * CorrectedLine
         * @description When a line was corrected, and by how much its net changed.
         */
        CorrectedLine: {
            /**
             * At
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            at: string;
            /**
             * Net
             * @description currency units, at most 6 decimals
             */
            net: number;
        };
        /**
         * EmbeddedEvidence
         * @description What the hash of a block of the embedded ledger covers, see :mod:`ledger.embedded.store`.
         */
        EmbeddedEvidence: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "embedded";
            /** Number */
            number: number;
            /** Atms */
            atMs: number;
            /** Previoushash */
            previousHash: string;
            /** Transactions */
            transactions: components["schemas"]["HashedTransaction"][];
        };
        /**
         * EntryKind
         * @description For what money moved in an account, if not for a slot.
         *
         *     ``top-up``: an operator brought it in.
         *     ``cancelled-game``: a reset removed a game that was paid in part.
         *     ``forfeited-bond``: a clearing that it posted turned out wrong.
         * @enum {string}
         */
        EntryKind: "top-up" | "cancelled-game" | "forfeited-bond";
        /**
         * EpochView
         * @description An epoch that an operator began by setting the ledger's time right.
         *
         *     Attributes
         *     ----------
         *     number
         *         From 1; the ledger's first epoch, 0, nobody had to begin.
         *     ledger
         *         The id of the ledger in it.
         *     old_time, new_time
         *         What the ledger's time was, and what it was set to.
         */
        EpochView: {
            /** Number */
            number: number;
            /** Ledger */
            ledger: string;
            /**
             * Oldtime
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            oldTime: string;
            /**
             * Newtime
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            newTime: string;
        };
        /**
         * FabricEvidence
         * @description What the hash of a block of Fabric covers, and who signed it.
         *
         *     The hash is SHA-256 over the ASN.1 DER of (number, previous hash, data hash), the data hash SHA-256 over the data.
         *
         *     Attributes
         *     ----------
         *     data
         *         The block's envelopes, base64.
         */
        FabricEvidence: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "fabric";
            /** Number */
            number: number;
            /** Previoushash */
            previousHash: string;
            /** Data */
            data: string[];
            /** Vouchers */
            vouchers: components["schemas"]["Voucher"][];
        };
        /**
         * Fallback
         * @description What a game came to whose certified clearing did not come in time.
         *
         *     ``turns``: it was played by sequential best response.
         *     ``grid``: its slot began, and everybody buys from the grid.
         * @enum {string}
         */
        Fallback: "turns" | "grid";
        /**
         * FieldProblem
         * @description What is wrong with one field: its path with dots (``payload.data.amount``) and a sentence.
         */
        FieldProblem: {
            /** Field */
            field: string;
            /** Message */
            message: string;
        };
        /**
         * GameParameters
         * @description The parameters of a game, see :class:`~energy_market_chaincode.commands.PublishGame`.
         *
         *     Attributes
         *     ----------
         *     slot_duration_ms, clearing_duration_ms
         *         Null where the slot has no time.
         *     delivery_duration_ms
         *         Of a slot with a time the slot's.
         *     metering
         *         Who says what was taken and fed in; what prosumers say of themselves (``self``) nobody can check.
         */
        GameParameters: {
            /** Slotdurationms */
            slotDurationMs: number | null;
            /** Registrationdurationms */
            registrationDurationMs: number;
            /** Clearingdurationms */
            clearingDurationMs: number | null;
            /** Expectedparticipants */
            expectedParticipants: number | null;
            /** Turndeadlinems */
            turnDeadlineMs: number;
            /** Roundlimit */
            roundLimit: number;
            /**
             * Tolerance
             * @description a fraction, at most 9 decimals
             */
            tolerance: number;
            /** Deliverydurationms */
            deliveryDurationMs: number;
            /** Meteringwindowms */
            meteringWindowMs: number;
            /** Correctionwindowms */
            correctionWindowMs: number;
            metering: components["schemas"]["Metering"];
            /**
             * Retailtariff
             * @description currency units per kWh, at most 18 decimals
             */
            retailTariff: number;
            /**
             * Feedintariff
             * @description currency units per kWh, at most 18 decimals
             */
            feedInTariff: number;
            /**
             * Feeperhop
             * @description currency units per kWh, at most 18 decimals
             */
            feePerHop: number;
            /**
             * Imbalancepenalty
             * @description currency units per kWh, at most 18 decimals
             */
            imbalancePenalty: number;
            /** Pricefloor */
            priceFloor: number | null;
            /** Pricecap */
            priceCap: number | null;
        };
        /**
         * GameSummary
         * @description A game in the list; during registration the numbers of sellers and buyers count what is in.
         *
         *     Attributes
         *     ----------
         *     phase
         *         As the last command left it. That a delivery is over, so that only readings are waited for (``metering``), and
         *         that a settlement cannot be corrected any more (``final``), follows from the times: see :meth:`phase_at`.
         *     left
         *         How many steps of its stop, its settlement or a correction are left at most, while that is done in parts.
         */
        GameSummary: {
            /**
             * Registrationendsat
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            registrationEndsAt: string;
            /** Clearingendsat */
            clearingEndsAt: string | null;
            /** Deliverystartsat */
            deliveryStartsAt: string | null;
            /** Deliveryendsat */
            deliveryEndsAt: string | null;
            /** Meteringendsat */
            meteringEndsAt: string | null;
            /** Finalat */
            finalAt: string | null;
            /** Game */
            game: string;
            phase: components["schemas"]["Phase"];
            /** Deliveryslot */
            deliverySlot: string;
            /** Mechanism */
            mechanism: string;
            /** Nrsellers */
            nrSellers: number;
            /** Nrbuyers */
            nrBuyers: number;
            /** Round */
            round: number;
            /** Buyerinturn */
            buyerInTurn: string | null;
            /**
             * Publishedat
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            publishedAt: string;
            /** Left */
            left: number | null;
        };
        /**
         * GameView
         * @description A game with all that stands on the ledger but its bids and transfers.
         *
         *     Attributes
         *     ----------
         *     sellers
         *         In order of arrival.
         *     buyers
         *         In turn order.
         *     hops
         *         {buyer: {seller: n}}, empty until the registration is over, in brief, and where they follow from a layout.
         *     layout
         *         The digest of the graph that the hops of a large game follow from; the graph is its topology.
         *     deadline
         *         Of the buyer in turn.
         *     readings_awaited
         *         From how many participants no reading came yet, or in a cleared game whose slot has no time not all of it; null
         *         unless the delivery is under way.
         */
        GameView: {
            /**
             * Registrationendsat
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            registrationEndsAt: string;
            /** Clearingendsat */
            clearingEndsAt: string | null;
            /** Deliverystartsat */
            deliveryStartsAt: string | null;
            /** Deliveryendsat */
            deliveryEndsAt: string | null;
            /** Meteringendsat */
            meteringEndsAt: string | null;
            /** Finalat */
            finalAt: string | null;
            /** Game */
            game: string;
            phase: components["schemas"]["Phase"];
            /** Deliveryslot */
            deliverySlot: string;
            /** Mechanism */
            mechanism: string;
            /** Nrsellers */
            nrSellers: number;
            /** Nrbuyers */
            nrBuyers: number;
            /** Round */
            round: number;
            /** Buyerinturn */
            buyerInTurn: string | null;
            /**
             * Publishedat
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            publishedAt: string;
            /** Left */
            left: number | null;
            parameters: components["schemas"]["GameParameters"];
            /** Sellers */
            sellers: components["schemas"]["SellerInGame"][];
            /** Buyers */
            buyers: components["schemas"]["BuyerInGame"][];
            /** Hops */
            hops: {
                [key: string]: {
                    [key: string]: number;
                };
            };
            /** Layout */
            layout: string | null;
            /** Deadline */
            deadline: string | null;
            /** Readingsawaited */
            readingsAwaited: number | null;
            clearing: components["schemas"]["ClearingView"] | null;
            stop: components["schemas"]["StopView"] | null;
            settlement: components["schemas"]["SettlementTotals"] | null;
        };
        /**
         * Games
         * @description All games, oldest first.
         */
        Games: {
            /** Games */
            games: components["schemas"]["GameSummary"][];
        };
        /**
         * HashedTransaction
         * @description A transaction of the embedded ledger as it is hashed: one JSON text, and one for each event.
         */
        HashedTransaction: {
            /** Content */
            content: string;
            /** Events */
            events: string[];
        };
        /**
         * Institutions
         * @description The accounts of the two operators, which are no prosumers: free money.
         */
        Institutions: {
            /**
             * Grid-Operator
             * @description currency units, at most 6 decimals
             */
            "grid-operator": number;
            /**
             * Network-Operator
             * @description currency units, at most 6 decimals
             */
            "network-operator": number;
        };
        /**
         * MarketView
         * @description The market as a whole.
         *
         *     Attributes
         *     ----------
         *     ledger
         *         The id of the ledger, which commands name.
         *     epoch
         *         Null as long as nobody had to set the ledger's time right.
         *     simulated_time
         *         Null where the market's time is the real one.
         *     money
         *         All there is.
         *     topology
         *         Whether there is one.
         */
        MarketView: {
            /** Ledger */
            ledger: string;
            epoch: components["schemas"]["EpochView"] | null;
            simulatedTime: components["schemas"]["SimulatedTimeView"] | null;
            /** Operators */
            operators: string[];
            /**
             * Initialisedat
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            initialisedAt: string;
            /**
             * Money
             * @description currency units, at most 6 decimals
             */
            money: number;
            /**
             * Frozenfunds
             * @description currency units, at most 6 decimals
             */
            frozenFunds: number;
            accounts: components["schemas"]["Institutions"];
            /** Topology */
            topology: boolean;
        };
        /**
         * MeterView
         * @description A meter in service at a prosumer's connection.
         */
        MeterView: {
            /** Meter */
            meter: string;
            /** Prosumer */
            prosumer: string;
            /** Publickey */
            publicKey: string;
            /**
             * Powerkw
             * @description kW, at most 4 decimals
             */
            powerKw: number;
            /**
             * Registermoduluskwh
             * @description kWh, at most 4 decimals
             */
            registerModulusKwh: number;
            /**
             * Since
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            since: string;
            /** Replaced */
            replaced: string[];
        };
        /**
         * Metering
         * @description Who says what a participant took and fed in: itself, or its connection's meter.
         * @enum {string}
         */
        Metering: "self" | "meters";
        /**
         * Meters
         * @description The meters in service, by their prosumers.
         */
        Meters: {
            /** Meters */
            meters: components["schemas"]["MeterView"][];
        };
        /**
         * Phase
         * @description Where a game stands: registration, playing, delivery, metering, closed, final.
         *
         *     ``metering`` and ``final`` begin by time alone, without a command: whoever reads a game tells them by its times.
         *     ``cancelled`` is of older games, which nobody could play.
         * @enum {string}
         */
        Phase: "registration" | "playing" | "delivery" | "metering" | "closed" | "final" | "cancelled";
        /**
         * ProblemDocument
         * @description Why a request was refused (RFC 9457); also in place of the receipt of a command that was not taken.
         *
         *     Attributes
         *     ----------
         *     errors
         *         Field by field; left out where no field is to blame.
         */
        ProblemDocument: {
            /** Type */
            type: string;
            /** Title */
            title: string;
            /** Status */
            status: number;
            /** Detail */
            detail: string;
            /** Code */
            code: string;
            /** Errors */
            errors?: components["schemas"]["FieldProblem"][];
        };
        /**
         * ProposalView
         * @description A clearing that is being proved part by part.
         *
         *     Attributes
         *     ----------
         *     bond
         *         What it costs its poster should it turn out wrong.
         *     left
         *         How many steps of its proof are left.
         */
        ProposalView: {
            /** Poster */
            poster: string;
            /** Certificate */
            certificate: string;
            /**
             * Postedat
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            postedAt: string;
            /**
             * Bond
             * @description currency units, at most 6 decimals
             */
            bond: number;
            /** Left */
            left: number;
        };
        /**
         * ProsumerView
         * @description A registered identity, its account and what its meter counted.
         *
         *     Attributes
         *     ----------
         *     account_balance
         *         What is free.
         *     debt
         *         What the grid operator paid in its place, and is owed.
         *     contribution_metric
         *         Production / consumption to six decimals, null where the consumption is 0; the turn order uses the exact
         *         quotient.
         */
        ProsumerView: {
            /** Prosumer */
            prosumer: string;
            role: components["schemas"]["Role"];
            /** Publickey */
            publicKey: string;
            /**
             * Registeredat
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            registeredAt: string;
            /**
             * Accountbalance
             * @description currency units, at most 6 decimals
             */
            accountBalance: number;
            /**
             * Frozenfunds
             * @description currency units, at most 6 decimals
             */
            frozenFunds: number;
            /**
             * Debt
             * @description currency units, at most 6 decimals
             */
            debt: number;
            /**
             * Totalproduction
             * @description kWh, at most 4 decimals
             */
            totalProduction: number;
            /**
             * Totalconsumption
             * @description kWh, at most 4 decimals
             */
            totalConsumption: number;
            /** Contributionmetric */
            contributionMetric: number | null;
        };
        /**
         * Prosumers
         * @description All registered identities.
         */
        Prosumers: {
            /** Prosumers */
            prosumers: components["schemas"]["ProsumerView"][];
        };
        /**
         * QueueState
         * @description How much waits and what stands in the way; the ledger's height is null where it cannot be asked.
         */
        QueueState: {
            /** Depth */
            depth: number;
            /** Capacity */
            capacity: number;
            /** Oldestagems */
            oldestAgeMs: number;
            /** Ledgerheight */
            ledgerHeight: number | null;
            /** Trouble */
            trouble: string | null;
        };
        /**
         * Receipt
         * @description The queue has stored a command durably; how it goes on stands at ``href``.
         */
        Receipt: {
            /** Id */
            id: string;
            /**
             * Status
             * @default queued
             * @constant
             */
            status: "queued";
            /** Href */
            href: string;
        };
        /**
         * RejectedCommand
         * @description What the contract answers to a command that did not take effect.
         *
         *     Attributes
         *     ----------
         *     id, prosumer
         *         Null where the command is too malformed to say.
         *     errors
         *         Field by field, if it is not well formed.
         */
        RejectedCommand: {
            /** Id */
            id: string | null;
            /** Prosumer */
            prosumer: string | null;
            /**
             * Status
             * @default rejected
             * @constant
             */
            status: "rejected";
            /** Code */
            code: string;
            /** Message */
            message: string;
            /** Errors */
            errors: components["schemas"]["FieldProblem"][];
            /**
             * Duplicate
             * @default false
             */
            duplicate: boolean;
        };
        /**
         * Role
         * @description What a registered identity may do: trade, operate the market, or read a connection's meter.
         * @enum {string}
         */
        Role: "prosumer" | "operator" | "meter";
        /**
         * SellerInGame
         * @description What a seller offers, what it has sold so far, and what is frozen of its money for the game: its bond.
         */
        SellerInGame: {
            /** Seller */
            seller: string;
            /**
             * Capacity
             * @description kWh, at most 4 decimals
             */
            capacity: number;
            /**
             * Price
             * @description currency units per kWh, at most 18 decimals
             */
            price: number;
            /**
             * Load
             * @description kWh, at most 4 decimals
             */
            load: number;
            /**
             * Frozen
             * @description currency units, at most 6 decimals
             */
            frozen: number;
        };
        /**
         * SettlementTotals
         * @description What closing a game settled: energy in kWh, money by purpose.
         *
         *     Attributes
         *     ----------
         *     guaranteed
         *         What the grid operator paid in place of accounts that could not.
         *     presumed
         *         Whose meters never reported, so that the costliest counts of them (its own demand, of who meters itself).
         *     corrections
         *         How often it was settled anew.
         */
        SettlementTotals: {
            /**
             * Closedat
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            closedAt: string;
            /**
             * Energydelivered
             * @description kWh, at most 4 decimals
             */
            energyDelivered: number;
            /**
             * Energyfromgrid
             * @description kWh, at most 4 decimals
             */
            energyFromGrid: number;
            /**
             * Energytogrid
             * @description kWh, at most 4 decimals
             */
            energyToGrid: number;
            /**
             * Paidtosellers
             * @description currency units, at most 6 decimals
             */
            paidToSellers: number;
            /**
             * Transmissionfees
             * @description currency units, at most 6 decimals
             */
            transmissionFees: number;
            /**
             * Paidtogrid
             * @description currency units, at most 6 decimals
             */
            paidToGrid: number;
            /**
             * Paidbygrid
             * @description currency units, at most 6 decimals
             */
            paidByGrid: number;
            /**
             * Compensations
             * @description currency units, at most 6 decimals
             */
            compensations: number;
            /**
             * Penalties
             * @description currency units, at most 6 decimals
             */
            penalties: number;
            /**
             * Guaranteed
             * @description currency units, at most 6 decimals
             */
            guaranteed: number;
            /** Presumed */
            presumed: string[];
            /** Corrections */
            corrections: number;
        };
        /**
         * SimulatedTimeView
         * @description The mapping by which the market's time follows from the real one: start + (now - began) * factor.
         *
         *     Attributes
         *     ----------
         *     start, began
         *         The market's time and the real one at the beginning.
         *     factor
         *         How many times as fast as the real one it passes.
         */
        SimulatedTimeView: {
            /**
             * Start
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            start: string;
            /** Factor */
            factor: number;
            /**
             * Began
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            began: string;
        };
        /**
         * SlotBalance
         * @description A feeder's balance of a slot, to be held against the meter of the transformer: who tampers makes it differ.
         *
         *     Attributes
         *     ----------
         *     metered_in, metered_out
         *         What the meters that reported counted.
         *     presumed_in
         *         What the silent ones are presumed to have taken, once it is settled.
         *     contracted
         *         What was traded.
         *     net_in
         *         What the feeder must have drawn from the network beyond, if all meters say the truth; below zero it fed in.
         *     reported, silent
         *         How many meters reported, and who did not.
         */
        SlotBalance: {
            /** Game */
            game: string;
            metering: components["schemas"]["Metering"];
            /**
             * Meteredin
             * @description kWh, at most 4 decimals
             */
            meteredIn: number;
            /**
             * Meteredout
             * @description kWh, at most 4 decimals
             */
            meteredOut: number;
            /**
             * Presumedin
             * @description kWh, at most 4 decimals
             */
            presumedIn: number;
            /**
             * Contracted
             * @description kWh, at most 4 decimals
             */
            contracted: number;
            /**
             * Netin
             * @description kWh, at most 4 decimals
             */
            netIn: number;
            /** Reported */
            reported: number;
            /** Silent */
            silent: string[];
        };
        /**
         * SlotLine
         * @description What a slot came to for one participant, as it counts now.
         *
         *     Attributes
         *     ----------
         *     begins
         *         When its delivery began.
         *     bought_at, sold_at
         *         The contracts' mean price, to the unit of money; null where there are none.
         *     paid, received
         *         For energy and compensation, in all.
         *     is_presumed
         *         Whether its meter was silent.
         *     corrections
         *         How it came to be, if not all at once: the settlements anew that changed it.
         */
        SlotLine: {
            /**
             * Inenergy
             * @description kWh, at most 4 decimals
             */
            inEnergy: number;
            /**
             * Outenergy
             * @description kWh, at most 4 decimals
             */
            outEnergy: number;
            /**
             * Bought
             * @description kWh, at most 4 decimals
             */
            bought: number;
            /**
             * Sold
             * @description kWh, at most 4 decimals
             */
            sold: number;
            /**
             * Fromgrid
             * @description kWh, at most 4 decimals
             */
            fromGrid: number;
            /**
             * Togrid
             * @description kWh, at most 4 decimals
             */
            toGrid: number;
            /**
             * Boughtfor
             * @description currency units, at most 6 decimals
             */
            boughtFor: number;
            /**
             * Soldfor
             * @description currency units, at most 6 decimals
             */
            soldFor: number;
            /**
             * Fromgridfor
             * @description currency units, at most 6 decimals
             */
            fromGridFor: number;
            /**
             * Togridfor
             * @description currency units, at most 6 decimals
             */
            toGridFor: number;
            /**
             * Compensation
             * @description currency units, at most 6 decimals
             */
            compensation: number;
            /**
             * Fees
             * @description currency units, at most 6 decimals
             */
            fees: number;
            /**
             * Penalties
             * @description currency units, at most 6 decimals
             */
            penalties: number;
            /**
             * Net
             * @description currency units, at most 6 decimals
             */
            net: number;
            /** Game */
            game: string;
            /**
             * Begins
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            begins: string;
            /** Prosumer */
            prosumer: string;
            /** Boughtat */
            boughtAt: number | null;
            /** Soldat */
            soldAt: number | null;
            /**
             * Retailtariff
             * @description currency units per kWh, at most 18 decimals
             */
            retailTariff: number;
            /**
             * Feedintariff
             * @description currency units per kWh, at most 18 decimals
             */
            feedInTariff: number;
            /**
             * Paid
             * @description currency units, at most 6 decimals
             */
            paid: number;
            /**
             * Received
             * @description currency units, at most 6 decimals
             */
            received: number;
            /** Ispresumed */
            isPresumed: boolean;
            /** Corrections */
            corrections: components["schemas"]["CorrectedLine"][];
        };
        /**
         * SlotLines
         * @description The lines of a settled slot, by name; none before it is settled.
         */
        SlotLines: {
            /** Lines */
            lines: components["schemas"]["SlotLine"][];
        };
        /**
         * Statement
         * @description What happened in a prosumer's account in a time, slot by slot.
         *
         *     Attributes
         *     ----------
         *     from_, to
         *         Of slots that began, and of other entries, from then up to, not including, then.
         *     next
         *         From when on to ask for the rest, where there is more than one answer takes; else null.
         */
        Statement: {
            /** Prosumer */
            prosumer: string;
            /**
             * From
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            from: string;
            /**
             * To
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            to: string;
            /** Lines */
            lines: components["schemas"]["SlotLine"][];
            /** Entries */
            entries: components["schemas"]["AccountEntry"][];
            sums: components["schemas"]["StatementSums"];
            /** Next */
            next: string | null;
        };
        /**
         * StatementForm
         * @description In what form a statement is wanted.
         * @enum {string}
         */
        StatementForm: "json" | "csv";
        /**
         * StatementSums
         * @description The sums of a statement: what its slots gained, what else came in, and both, by which the account moved.
         */
        StatementSums: {
            /**
             * Inenergy
             * @description kWh, at most 4 decimals
             */
            inEnergy: number;
            /**
             * Outenergy
             * @description kWh, at most 4 decimals
             */
            outEnergy: number;
            /**
             * Bought
             * @description kWh, at most 4 decimals
             */
            bought: number;
            /**
             * Sold
             * @description kWh, at most 4 decimals
             */
            sold: number;
            /**
             * Fromgrid
             * @description kWh, at most 4 decimals
             */
            fromGrid: number;
            /**
             * Togrid
             * @description kWh, at most 4 decimals
             */
            toGrid: number;
            /**
             * Boughtfor
             * @description currency units, at most 6 decimals
             */
            boughtFor: number;
            /**
             * Soldfor
             * @description currency units, at most 6 decimals
             */
            soldFor: number;
            /**
             * Fromgridfor
             * @description currency units, at most 6 decimals
             */
            fromGridFor: number;
            /**
             * Togridfor
             * @description currency units, at most 6 decimals
             */
            toGridFor: number;
            /**
             * Compensation
             * @description currency units, at most 6 decimals
             */
            compensation: number;
            /**
             * Fees
             * @description currency units, at most 6 decimals
             */
            fees: number;
            /**
             * Penalties
             * @description currency units, at most 6 decimals
             */
            penalties: number;
            /**
             * Net
             * @description currency units, at most 6 decimals
             */
            net: number;
            /** Slots */
            slots: number;
            /**
             * Entries
             * @description currency units, at most 6 decimals
             */
            entries: number;
            /**
             * Movement
             * @description currency units, at most 6 decimals
             */
            movement: number;
        };
        /**
         * Status
         * @description How far a command came: the first two are the queue's words, the other two the contract's.
         * @enum {string}
         */
        Status: "queued" | "submitted" | "committed" | "rejected";
        /**
         * StopReason
         * @description Why a game stopped.
         *
         *     ``equilibrium``: all passed and nobody could save more than the tolerance by changing its bid alone, or a
         *     certificate proved as much.
         *     ``all-passed``: all passed (or were skipped), though somebody could.
         *     ``deadline``: the delivery began; the bids that stood count.
         *     ``no-trade``: there were no sellers or no buyers.
         *     ``cancelled``: the same in older games, which then had no delivery.
         * @enum {string}
         */
        StopReason: "equilibrium" | "all-passed" | "round-limit" | "deadline" | "no-trade" | "cancelled";
        /**
         * StopView
         * @description How a game stopped, with every buyer's regret: what it could still save by changing its bid alone.
         */
        StopView: {
            reason: components["schemas"]["StopReason"];
            /**
             * Maxregret
             * @description currency units, at most 6 decimals
             */
            maxRegret: number;
            /**
             * Maxregretshare
             * @description a fraction, at most 9 decimals
             */
            maxRegretShare: number;
            /** Maxregretbuyer */
            maxRegretBuyer: string | null;
            /**
             * Totalcost
             * @description currency units, at most 6 decimals
             */
            totalCost: number;
            /**
             * Handedback
             * @description kWh, at most 4 decimals
             */
            handedBack: number;
            /** Rounds */
            rounds: number;
            /** Regrets */
            regrets: {
                [key: string]: number;
            };
        };
        /**
         * TariffTableView
         * @description The grid's tariffs, the earliest first; each holds until the next one.
         *
         *     Attributes
         *     ----------
         *     default_retail, default_feed_in
         *         Before the first of them.
         */
        TariffTableView: {
            /** Tariffs */
            tariffs: components["schemas"]["TariffsView"][];
            /**
             * Defaultretail
             * @description currency units per kWh, at most 18 decimals
             */
            defaultRetail: number;
            /**
             * Defaultfeedin
             * @description currency units per kWh, at most 18 decimals
             */
            defaultFeedIn: number;
        };
        /**
         * TariffsView
         * @description What the grid takes and gives for a kWh, from a moment on.
         */
        TariffsView: {
            /**
             * From
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            from: string;
            /**
             * Retail
             * @description currency units per kWh, at most 18 decimals
             */
            retail: number;
            /**
             * Feedin
             * @description currency units per kWh, at most 18 decimals
             */
            feedIn: number;
        };
        /**
         * TopologyView
         * @description The network on which hops are counted.
         *
         *     Attributes
         *     ----------
         *     edges
         *         Of its graph, one hop each; null where there is no topology, or only a table of hop distances.
         */
        TopologyView: {
            /** Edges */
            edges: string[][] | null;
        };
        /**
         * TransactionView
         * @description What went into a transaction and what came out: of each command its result.
         */
        TransactionView: {
            /** Id */
            id: string;
            /**
             * At
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            at: string;
            /** Commands */
            commands: unknown[];
            /** Results */
            results: (components["schemas"]["CommittedCommand"] | components["schemas"]["RejectedCommand"])[];
            /** Events */
            events: {
                [key: string]: unknown;
            }[];
        };
        /**
         * TransferView
         * @description A transfer, and what was delivered of it so far.
         */
        TransferView: {
            /** Seller */
            seller: string;
            /** Buyer */
            buyer: string;
            /**
             * Energy
             * @description kWh, at most 4 decimals
             */
            energy: number;
            /**
             * Energycost
             * @description currency units, at most 6 decimals
             */
            energyCost: number;
            /**
             * Transmissionfee
             * @description currency units, at most 6 decimals
             */
            transmissionFee: number;
            /**
             * Delivered
             * @description kWh, at most 4 decimals
             */
            delivered: number;
            /** Isfulfilled */
            isFulfilled: boolean;
        };
        /**
         * Transfers
         * @description The transfers of a game.
         */
        Transfers: {
            /** Transfers */
            transfers: components["schemas"]["TransferView"][];
        };
        /**
         * Voucher
         * @description A signature, ECDSA P-256 over SHA-256.
         *
         *     Attributes
         *     ----------
         *     role
         *         ``orderer`` signs a block's header, ``client`` its transaction, ``endorser`` what came out of it.
         *     certificate
         *         PEM, issued by the organisation.
         *     signature, signed
         *         Base64.
         */
        Voucher: {
            /**
             * Role
             * @enum {string}
             */
            role: "orderer" | "client" | "endorser";
            /** Organisation */
            organisation: string;
            /** Certificate */
            certificate: string;
            /** Signature */
            signature: string;
            /** Signed */
            signed: string;
        };
        /**
         * ArchiveLines
         * @description Remove prosumers' lines of archived slots that began before a moment, and keep their sum and hash.
         *
         *     So much at once as one transaction bears: whoever has prosumers left gives a new command for those.
         */
        ArchiveLines: {
            /** Prosumers */
            prosumers: string[];
            /** Before */
            before: string;
        };
        /**
         * ArchiveLinesCommand
         * @description Remove prosumers' lines of archived slots that began before a moment, and keep their sum and hash.
         *
         *     So much at once as one transaction bears: whoever has prosumers left gives a new command for those.
         */
        ArchiveLinesCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "archiveLines";
            payload: components["schemas"]["ArchiveLinesPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** ArchiveLinesPayload */
        ArchiveLinesPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["ArchiveLines"];
        };
        /**
         * ArchiveSlots
         * @description Remove what final slots' games have on the ledger but their lines, and keep its hash.
         *
         *     So much at once as one transaction bears: whoever has games left gives a new command for those.
         */
        ArchiveSlots: {
            /** Games */
            games: string[];
        };
        /**
         * ArchiveSlotsCommand
         * @description Remove what final slots' games have on the ledger but their lines, and keep its hash.
         *
         *     So much at once as one transaction bears: whoever has games left gives a new command for those.
         */
        ArchiveSlotsCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "archiveSlots";
            payload: components["schemas"]["ArchiveSlotsPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** ArchiveSlotsPayload */
        ArchiveSlotsPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["ArchiveSlots"];
        };
        /**
         * CloseMarket
         * @description Settle what is left of a game against the grid's tariffs; a large one part by part, until its ``left`` is 0.
         */
        CloseMarket: {
            /** Game */
            game: string;
            /**
             * Left
             * @default null
             */
            left?: number | null;
        };
        /**
         * CloseMarketCommand
         * @description Settle what is left of a game against the grid's tariffs; a large one part by part, until its ``left`` is 0.
         */
        CloseMarketCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "closeMarket";
            payload: components["schemas"]["CloseMarketPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** CloseMarketPayload */
        CloseMarketPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["CloseMarket"];
        };
        /**
         * DemandedEnergy
         * @description What a buyer asks for.
         */
        DemandedEnergy: {
            /** Amount */
            amount: number | string;
        };
        /**
         * EnergyReading
         * @description What a connection took and fed in during a slot.
         */
        EnergyReading: {
            /**
             * Game
             * @default null
             */
            game?: string | null;
            /**
             * Deliveryslot
             * @default null
             */
            deliverySlot?: string | null;
            /** Inenergy */
            inEnergy: number | string;
            /** Outenergy */
            outEnergy: number | string;
        };
        /**
         * FallBack
         * @description End the wait for a clearing whose time is over: the game is played in turns, or all is bought from the grid.
         */
        FallBack: {
            /** Game */
            game: string;
        };
        /**
         * FallBackCommand
         * @description End the wait for a clearing whose time is over: the game is played in turns, or all is bought from the grid.
         */
        FallBackCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "fallBack";
            payload: components["schemas"]["FallBackPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** FallBackPayload */
        FallBackPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["FallBack"];
        };
        /**
         * OfferedEnergy
         * @description What a seller offers, and its base price.
         */
        OfferedEnergy: {
            /** Amount */
            amount: number | string;
            /** Price */
            price: number | string;
        };
        /**
         * Order
         * @description An offer or a demand in a slot, or neither: whatever the prosumer had there is withdrawn.
         */
        Order: {
            /**
             * Game
             * @default null
             */
            game?: string | null;
            /**
             * Deliveryslot
             * @default null
             */
            deliverySlot?: string | null;
            /** @default null */
            offer?: components["schemas"]["OfferedEnergy"] | null;
            /** @default null */
            demand?: components["schemas"]["DemandedEnergy"] | null;
        };
        /**
         * ProveClearing
         * @description Go on with the proof of a clearing that is too large to be proved at once.
         */
        ProveClearing: {
            /** Game */
            game: string;
            /** Poster */
            poster: string;
            /**
             * Left
             * @default null
             */
            left?: number | null;
        };
        /**
         * ProveClearingCommand
         * @description Go on with the proof of a clearing that is too large to be proved at once.
         */
        ProveClearingCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "proveClearing";
            payload: components["schemas"]["ProveClearingPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** ProveClearingPayload */
        ProveClearingPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["ProveClearing"];
        };
        /**
         * PublishBuyBid
         * @description Split the demand among the sellers, or pass: keepPlaying false, my bid stands.
         *
         *     What a bid does not cover is bought from the grid. A bid after the first that saves no more than the game's
         *     tolerance counts as a pass.
         */
        PublishBuyBid: {
            /** Game */
            game: string;
            /**
             * Round
             * @default null
             */
            round?: number | null;
            /**
             * Bidamounts
             * @default null
             */
            bidAmounts?: {
                [key: string]: number | string;
            } | null;
            /**
             * Keepplaying
             * @default true
             */
            keepPlaying?: boolean;
        };
        /**
         * PublishBuyBidCommand
         * @description Split the demand among the sellers, or pass: keepPlaying false, my bid stands.
         *
         *     What a bid does not cover is bought from the grid. A bid after the first that saves no more than the game's
         *     tolerance counts as a pass.
         */
        PublishBuyBidCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "publishBuyBid";
            payload: components["schemas"]["PublishBuyBidPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** PublishBuyBidPayload */
        PublishBuyBidPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["PublishBuyBid"];
        };
        /**
         * PublishClearing
         * @description Clear a certified game by prices that prove themselves.
         */
        PublishClearing: {
            /** Game */
            game: string;
            /** Arena */
            arena: string;
            /** Prices */
            prices: {
                [key: string]: number | string;
            };
            /**
             * Corrections
             * @default {}
             */
            corrections?: {
                [key: string]: {
                    [key: string]: number | string;
                };
            };
        };
        /**
         * PublishClearingCommand
         * @description Clear a certified game by prices that prove themselves.
         */
        PublishClearingCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "publishClearing";
            payload: components["schemas"]["PublishClearingPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** PublishClearingPayload */
        PublishClearingPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["PublishClearing"];
        };
        /**
         * PublishDemand
         * @description Ask for energy.
         */
        PublishDemand: {
            /** Game */
            game: string;
            /** Amount */
            amount: number | string;
        };
        /**
         * PublishDemandCommand
         * @description Ask for energy.
         */
        PublishDemandCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "publishDemand";
            payload: components["schemas"]["PublishDemandPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** PublishDemandPayload */
        PublishDemandPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["PublishDemand"];
        };
        /**
         * PublishGame
         * @description Open a game for one delivery slot; the defaults are the original system's parameters.
         */
        PublishGame: {
            /**
             * Game
             * @default null
             */
            game?: string | null;
            /**
             * Deliveryslot
             * @default null
             */
            deliverySlot?: string | null;
            /**
             * Slotdurationms
             * @default null
             */
            slotDurationMs?: number | null;
            /**
             * Mechanism
             * @default sequential-best-response
             * @enum {string}
             */
            mechanism?: "sequential-best-response" | "certified";
            /**
             * Registrationdurationms
             * @default null
             */
            registrationDurationMs?: number | null;
            /**
             * Clearingdurationms
             * @default null
             */
            clearingDurationMs?: number | null;
            /**
             * Expectedparticipants
             * @default null
             */
            expectedParticipants?: number | null;
            /**
             * Turndeadlinems
             * @default 10000
             */
            turnDeadlineMs?: number;
            /**
             * Roundlimit
             * @default 200
             */
            roundLimit?: number;
            /**
             * Tolerance
             * @default 1000
             */
            tolerance?: number | string;
            /**
             * Deliverydurationms
             * @default null
             */
            deliveryDurationMs?: number | null;
            /**
             * Meteringwindowms
             * @default null
             */
            meteringWindowMs?: number | null;
            /**
             * Correctionwindowms
             * @default null
             */
            correctionWindowMs?: number | null;
            /**
             * Retailtariff
             * @default null
             */
            retailTariff?: number | string | null;
            /**
             * Feedintariff
             * @default null
             */
            feedInTariff?: number | string | null;
            /**
             * Feeperhop
             * @default 20000000000000000
             */
            feePerHop?: number | string;
            /** @default null */
            metering?: components["schemas"]["Metering"] | null;
            /**
             * Imbalancepenalty
             * @default null
             */
            imbalancePenalty?: number | string | null;
            /**
             * Pricefloor
             * @default null
             */
            priceFloor?: number | string | null;
            /**
             * Pricecap
             * @default null
             */
            priceCap?: number | string | null;
        };
        /**
         * PublishGameCommand
         * @description Open a game for one delivery slot; the defaults are the original system's parameters.
         */
        PublishGameCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "publishGame";
            payload: components["schemas"]["PublishGamePayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** PublishGamePayload */
        PublishGamePayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["PublishGame"];
        };
        /**
         * PublishMeterReading
         * @description Energy taken from and fed into the network since the meter's last reading.
         */
        PublishMeterReading: {
            /** Game */
            game: string;
            /** Sequence */
            sequence: number;
            /** Inenergy */
            inEnergy: number | string;
            /** Outenergy */
            outEnergy: number | string;
        };
        /**
         * PublishMeterReadingCommand
         * @description Energy taken from and fed into the network since the meter's last reading.
         */
        PublishMeterReadingCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "publishMeterReading";
            payload: components["schemas"]["PublishMeterReadingPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** PublishMeterReadingPayload */
        PublishMeterReadingPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["PublishMeterReading"];
        };
        /**
         * PublishOffer
         * @description Offer energy at a base price.
         */
        PublishOffer: {
            /** Game */
            game: string;
            /** Amount */
            amount: number | string;
            /** Price */
            price: number | string;
        };
        /**
         * PublishOfferCommand
         * @description Offer energy at a base price.
         */
        PublishOfferCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "publishOffer";
            payload: components["schemas"]["PublishOfferPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** PublishOfferPayload */
        PublishOfferPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["PublishOffer"];
        };
        /**
         * PublishOrders
         * @description Say what to offer or ask for in many games, whose gates are open; all of it or nothing.
         *
         *     Each order replaces what the prosumer had in that game, and arrives when it does.
         */
        PublishOrders: {
            /** Orders */
            orders: components["schemas"]["Order"][];
        };
        /**
         * PublishOrdersCommand
         * @description Say what to offer or ask for in many games, whose gates are open; all of it or nothing.
         *
         *     Each order replaces what the prosumer had in that game, and arrives when it does.
         */
        PublishOrdersCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "publishOrders";
            payload: components["schemas"]["PublishOrdersPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** PublishOrdersPayload */
        PublishOrdersPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["PublishOrders"];
        };
        /**
         * PublishReadings
         * @description What a meter counted: energy of slots, or registers, of which slots are the differences; all of it or nothing.
         *
         *     A reading replaces the slot's earlier one. After the settlement it is settled anew, until it is final.
         */
        PublishReadings: {
            /**
             * Readings
             * @default null
             */
            readings?: components["schemas"]["EnergyReading"][] | null;
            /**
             * Registers
             * @default null
             */
            registers?: components["schemas"]["RegisterReading"][] | null;
        };
        /**
         * PublishReadingsCommand
         * @description What a meter counted: energy of slots, or registers, of which slots are the differences; all of it or nothing.
         *
         *     A reading replaces the slot's earlier one. After the settlement it is settled anew, until it is final.
         */
        PublishReadingsCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "publishReadings";
            payload: components["schemas"]["PublishReadingsPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** PublishReadingsPayload */
        PublishReadingsPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["PublishReadings"];
        };
        /**
         * RegisterMeter
         * @description Enter a meter with its own public key as that of a prosumer's connection, or in the place of an earlier one.
         */
        RegisterMeter: {
            /** Id */
            id: string;
            /** Publickey */
            publicKey: string;
            /** Prosumer */
            prosumer: string;
            /** Powerkw */
            powerKw: number | string;
            /**
             * Registermoduluskwh
             * @default 10000000000
             */
            registerModulusKwh?: number | string;
            /**
             * Replaces
             * @default null
             */
            replaces?: string | null;
        };
        /**
         * RegisterMeterCommand
         * @description Enter a meter with its own public key as that of a prosumer's connection, or in the place of an earlier one.
         */
        RegisterMeterCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "registerMeter";
            payload: components["schemas"]["RegisterMeterPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** RegisterMeterPayload */
        RegisterMeterPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["RegisterMeter"];
        };
        /**
         * RegisterProsumer
         * @description Enter a prosumer or a further operator with its public key; the totals are its metered history in kWh.
         */
        RegisterProsumer: {
            /** Id */
            id: string;
            /** Publickey */
            publicKey: string;
            /** @default prosumer */
            role?: components["schemas"]["Role"];
            /**
             * Totalproduction
             * @default 0
             */
            totalProduction?: number | string;
            /**
             * Totalconsumption
             * @default 0
             */
            totalConsumption?: number | string;
            /**
             * Replacekey
             * @default false
             */
            replaceKey?: boolean;
        };
        /**
         * RegisterProsumerCommand
         * @description Enter a prosumer or a further operator with its public key; the totals are its metered history in kWh.
         */
        RegisterProsumerCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "registerProsumer";
            payload: components["schemas"]["RegisterProsumerPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** RegisterProsumerPayload */
        RegisterProsumerPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["RegisterProsumer"];
        };
        /**
         * RegisterReading
         * @description What a meter's registers showed at a moment; ``replaced``: what they show from then on, after a replacement.
         */
        RegisterReading: {
            /** At */
            at: string;
            /** Inregister */
            inRegister: number | string;
            /** Outregister */
            outRegister: number | string;
            /**
             * Replaced
             * @default false
             */
            replaced?: boolean;
        };
        /**
         * ResetMarket
         * @description End and remove every game and release every escrow; prosumers, accounts and topology stay.
         */
        ResetMarket: Record<string, never>;
        /**
         * ResetMarketCommand
         * @description End and remove every game and release every escrow; prosumers, accounts and topology stay.
         */
        ResetMarketCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "resetMarket";
            payload: components["schemas"]["ResetMarketPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** ResetMarketPayload */
        ResetMarketPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["ResetMarket"];
        };
        /**
         * SetLedgerTime
         * @description Set a ledger's time right that is ahead of the true one, and begin a new epoch: the ledger gets a new id.
         */
        SetLedgerTime: {
            /** Oldtime */
            oldTime: string;
            /** Newtime */
            newTime: string;
        };
        /**
         * SetLedgerTimeCommand
         * @description Set a ledger's time right that is ahead of the true one, and begin a new epoch: the ledger gets a new id.
         */
        SetLedgerTimeCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "setLedgerTime";
            payload: components["schemas"]["SetLedgerTimePayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** SetLedgerTimePayload */
        SetLedgerTimePayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["SetLedgerTime"];
        };
        /**
         * SetTariffs
         * @description Replace the table of the grid's tariffs; games that are published already keep theirs.
         */
        SetTariffs: {
            /** Tariffs */
            tariffs: components["schemas"]["TariffsFrom"][];
        };
        /**
         * SetTariffsCommand
         * @description Replace the table of the grid's tariffs; games that are published already keep theirs.
         */
        SetTariffsCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "setTariffs";
            payload: components["schemas"]["SetTariffsPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** SetTariffsPayload */
        SetTariffsPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["SetTariffs"];
        };
        /**
         * SetTopology
         * @description State the hop distances: as a graph whose edges are one hop each, or as a table {buyer: {seller: hops}}.
         */
        SetTopology: {
            /**
             * Edges
             * @default null
             */
            edges?: [
                string,
                string
            ][] | null;
            /**
             * Hops
             * @default null
             */
            hops?: {
                [key: string]: {
                    [key: string]: number;
                };
            } | null;
        };
        /**
         * SetTopologyCommand
         * @description State the hop distances: as a graph whose edges are one hop each, or as a table {buyer: {seller: hops}}.
         */
        SetTopologyCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "setTopology";
            payload: components["schemas"]["SetTopologyPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** SetTopologyPayload */
        SetTopologyPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["SetTopology"];
        };
        /**
         * SimulateTime
         * @description Let the market's time begin at a moment and pass so many times as fast as the real one, from now on for good.
         */
        SimulateTime: {
            /** Start */
            start: string;
            /** Factor */
            factor: number;
        };
        /**
         * SimulateTimeCommand
         * @description Let the market's time begin at a moment and pass so many times as fast as the real one, from now on for good.
         */
        SimulateTimeCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "simulateTime";
            payload: components["schemas"]["SimulateTimePayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** SimulateTimePayload */
        SimulateTimePayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["SimulateTime"];
        };
        /**
         * SkipTurn
         * @description Pass over a buyer whose deadline is over, or stop a game whose delivery has begun; names the turn.
         */
        SkipTurn: {
            /** Game */
            game: string;
            /** Buyer */
            buyer: string;
            /** Round */
            round: number;
        };
        /**
         * SkipTurnCommand
         * @description Pass over a buyer whose deadline is over, or stop a game whose delivery has begun; names the turn.
         */
        SkipTurnCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "skipTurn";
            payload: components["schemas"]["SkipTurnPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** SkipTurnPayload */
        SkipTurnPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["SkipTurn"];
        };
        /**
         * StopGame
         * @description Go on with the stop of a game that is too large to be stopped at once.
         */
        StopGame: {
            /** Game */
            game: string;
            /**
             * Left
             * @default null
             */
            left?: number | null;
        };
        /**
         * StopGameCommand
         * @description Go on with the stop of a game that is too large to be stopped at once.
         */
        StopGameCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "stopGame";
            payload: components["schemas"]["StopGamePayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** StopGamePayload */
        StopGamePayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["StopGame"];
        };
        /**
         * StopGameRegistration
         * @description End the registration and give the first buyer its turn, or without buyers or sellers begin the delivery.
         */
        StopGameRegistration: {
            /** Game */
            game: string;
        };
        /**
         * StopGameRegistrationCommand
         * @description End the registration and give the first buyer its turn, or without buyers or sellers begin the delivery.
         */
        StopGameRegistrationCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "stopGameRegistration";
            payload: components["schemas"]["StopGameRegistrationPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** StopGameRegistrationPayload */
        StopGameRegistrationPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["StopGameRegistration"];
        };
        /**
         * TariffsFrom
         * @description What the grid takes (``retail``) and gives (``feedIn``) for a kWh from a moment on; either may be negative.
         */
        TariffsFrom: {
            /** From */
            from: string;
            /** Retail */
            retail: number | string;
            /** Feedin */
            feedIn: number | string;
        };
        /**
         * TopUpAccount
         * @description Bring money into the market: the only command that changes how much there is.
         */
        TopUpAccount: {
            /** Prosumer */
            prosumer: string;
            /** Amount */
            amount: number | string;
        };
        /**
         * TopUpAccountCommand
         * @description Bring money into the market: the only command that changes how much there is.
         */
        TopUpAccountCommand: {
            /**
             * Id
             * @default null
             */
            id?: string | null;
            /**
             * Topic
             * @constant
             */
            topic: "topUpAccount";
            payload: components["schemas"]["TopUpAccountPayload"];
            /**
             * Signature
             * @description Base64 of Ed25519 over the RFC 8785 canonical JSON of id, topic and payload.
             */
            signature: string;
        };
        /** TopUpAccountPayload */
        TopUpAccountPayload: {
            /** Prosumer */
            prosumer: string;
            /**
             * Ledger
             * @default null
             */
            ledger?: string | null;
            data: components["schemas"]["TopUpAccount"];
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
    queue_state_queue_get: {
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
                    "application/json": components["schemas"]["QueueState"];
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
    post_commands_queue_post: {
        parameters: {
            query?: {
                /** @description Seconds to wait for the decision, if there is none yet. */
                wait?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PublishClearingCommand"] | components["schemas"]["FallBackCommand"] | components["schemas"]["ProveClearingCommand"] | components["schemas"]["StopGameCommand"] | components["schemas"]["RegisterProsumerCommand"] | components["schemas"]["SetTopologyCommand"] | components["schemas"]["TopUpAccountCommand"] | components["schemas"]["SetTariffsCommand"] | components["schemas"]["PublishGameCommand"] | components["schemas"]["PublishOfferCommand"] | components["schemas"]["PublishDemandCommand"] | components["schemas"]["PublishOrdersCommand"] | components["schemas"]["StopGameRegistrationCommand"] | components["schemas"]["PublishBuyBidCommand"] | components["schemas"]["SkipTurnCommand"] | components["schemas"]["PublishMeterReadingCommand"] | components["schemas"]["RegisterMeterCommand"] | components["schemas"]["PublishReadingsCommand"] | components["schemas"]["CloseMarketCommand"] | components["schemas"]["ArchiveSlotsCommand"] | components["schemas"]["ArchiveLinesCommand"] | components["schemas"]["ResetMarketCommand"] | components["schemas"]["SetLedgerTimeCommand"] | components["schemas"]["SimulateTimeCommand"] | (components["schemas"]["PublishClearingCommand"] | components["schemas"]["FallBackCommand"] | components["schemas"]["ProveClearingCommand"] | components["schemas"]["StopGameCommand"] | components["schemas"]["RegisterProsumerCommand"] | components["schemas"]["SetTopologyCommand"] | components["schemas"]["TopUpAccountCommand"] | components["schemas"]["SetTariffsCommand"] | components["schemas"]["PublishGameCommand"] | components["schemas"]["PublishOfferCommand"] | components["schemas"]["PublishDemandCommand"] | components["schemas"]["PublishOrdersCommand"] | components["schemas"]["StopGameRegistrationCommand"] | components["schemas"]["PublishBuyBidCommand"] | components["schemas"]["SkipTurnCommand"] | components["schemas"]["PublishMeterReadingCommand"] | components["schemas"]["RegisterMeterCommand"] | components["schemas"]["PublishReadingsCommand"] | components["schemas"]["CloseMarketCommand"] | components["schemas"]["ArchiveSlotsCommand"] | components["schemas"]["ArchiveLinesCommand"] | components["schemas"]["ResetMarketCommand"] | components["schemas"]["SetLedgerTimeCommand"] | components["schemas"]["SimulateTimeCommand"])[];
            };
        };
        responses: {
            /** @description Decided while `wait` lasted, all of them. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandStatus"] | components["schemas"]["CommandStatus"][];
                };
            };
            /** @description All were taken, now or before. */
            202: {
                headers: {
                    /** @description Of one command: its href. */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Receipt"] | (components["schemas"]["Receipt"] | components["schemas"]["CommandStatus"])[];
                };
            };
            /** @description Not all were taken. */
            207: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": (components["schemas"]["CommandStatus"] | components["schemas"]["Receipt"] | components["schemas"]["ProblemDocument"])[];
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
    command_status_queue__id__get: {
        parameters: {
            query?: {
                /** @description Seconds to wait for the decision, if there is none yet. */
                wait?: number;
                /** @description Who signed it: needed where several used the same id, or to ask the ledger, too. */
                prosumer?: string | null;
            };
            header?: never;
            path: {
                /** @description A command's id. */
                id: string;
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
                    "application/json": components["schemas"]["CommandStatus"];
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
    market_market_get: {
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
                    "application/json": components["schemas"]["MarketView"];
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
    topology_topology_get: {
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
                    "application/json": components["schemas"]["TopologyView"];
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
    tariffs_tariffs_get: {
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
                    "application/json": components["schemas"]["TariffTableView"];
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
    games_games_get: {
        parameters: {
            query?: {
                /** @description Number of the first, from 0. */
                from?: number;
                /** @description How many at most. */
                limit?: number;
            };
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
                    "application/json": components["schemas"]["Games"];
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
    game_games__game__get: {
        parameters: {
            query?: {
                /** @description Leave out hops and amounts of zero, which is most of what a large game has. */
                brief?: boolean;
            };
            header?: never;
            path: {
                /** @description A game's id. */
                game: string;
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
                    "application/json": components["schemas"]["GameView"];
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
    topology_of_game_games__game__topology_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A game's id. */
                game: string;
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
                    "application/json": components["schemas"]["TopologyView"];
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
    bids_games__game__bids_get: {
        parameters: {
            query?: {
                /** @description Leave out hops and amounts of zero, which is most of what a large game has. */
                brief?: boolean;
                /** @description Number of the first, from 0. */
                from?: number;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description A game's id. */
                game: string;
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
                    "application/json": components["schemas"]["Bids"];
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
    transfers_games__game__transfers_get: {
        parameters: {
            query?: {
                /** @description Number of the first, from 0. */
                from?: number;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description A game's id. */
                game: string;
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
                    "application/json": components["schemas"]["Transfers"];
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
    lines_games__game__lines_get: {
        parameters: {
            query?: {
                /** @description Number of the first, from 0. */
                from?: number;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description A game's id. */
                game: string;
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
                    "application/json": components["schemas"]["SlotLines"];
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
    balance_games__game__balance_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A game's id. */
                game: string;
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
                    "application/json": components["schemas"]["SlotBalance"];
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
    meters_meters_get: {
        parameters: {
            query?: {
                /** @description Number of the first, from 0. */
                from?: number;
                /** @description How many at most. */
                limit?: number;
            };
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
                    "application/json": components["schemas"]["Meters"];
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
    prosumers_prosumers_get: {
        parameters: {
            query?: {
                /** @description Number of the first, from 0. */
                from?: number;
                /** @description How many at most. */
                limit?: number;
            };
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
                    "application/json": components["schemas"]["Prosumers"];
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
    prosumer_prosumers__prosumer__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A prosumer's or an operator's id. */
                prosumer: string;
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
                    "application/json": components["schemas"]["ProsumerView"];
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
    statement_prosumers__prosumer__statement_get: {
        parameters: {
            query?: {
                /** @description How many lines at most. */
                limit?: number;
                /** @description Default: by Accept, else JSON. */
                format?: components["schemas"]["StatementForm"] | null;
                /** @description From when on, ISO 8601 with an offset (its + is %2B here). */
                from?: string;
                /** @description Until when. */
                to?: string;
            };
            header?: never;
            path: {
                /** @description A prosumer's or an operator's id. */
                prosumer: string;
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
                    "application/json": components["schemas"]["Statement"];
                    "text/csv": unknown;
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
    blocks_blocks_get: {
        parameters: {
            query?: {
                /** @description Number of the first; else the newest ones. */
                from?: number | null;
                limit?: number;
            };
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
                    "application/json": components["schemas"]["Blocks"];
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
    block_blocks__number__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description From 0. */
                number: number;
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
                    "application/json": components["schemas"]["BlockView"];
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
    evidence_blocks__number__evidence_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description From 0. */
                number: number;
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
                    "application/json": components["schemas"]["EmbeddedEvidence"] | components["schemas"]["FabricEvidence"];
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
    server_sent_events_events_get: {
        parameters: {
            query?: {
                /** @description A cursor `block.tx.index`: go on after that event. `0` or nothing: from the very first. `now`: from now on. */
                from?: string | null;
                /** @description The id of the ledger that the cursor is of: on another one it is refused. */
                ledger?: string | null;
                /** @description Only the events of this game. */
                game?: string | null;
                /** @description Only what concerns this prosumer, or one of several: `P1,P2`. */
                prosumer?: string | null;
            };
            header?: {
                /** @description The cursor of the last event seen; goes before `from`, so that a browser can reconnect. */
                "last-event-id"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description `id:` the cursor, `event:` the name, `data:` the event as JSON; without end. Should another ledger take this one's place, the last message is a `problem` with the code `LEDGER_REPLACED`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
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
