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
    "/schedule": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Schedule
         * @description Tell which games are to be published when, and which games the clock drives at present.
         */
        get: operations["schedule_schedule_get"];
        put?: never;
        /**
         * Add
         * @description Add games to the schedule, or publish one at once.
         *
         *     The same entry under the same id again changes nothing and has the same answer.
         */
        post: operations["add_schedule_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/unschedule": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Remove
         * @description Take an entry off the schedule; games that are published already go on.
         */
        post: operations["remove_unschedule_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Pause
         * @description Publish no games until resumed, over restarts too. Games that are published already go on: money is at stake.
         */
        post: operations["pause_pause_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Resume
         * @description Publish games again, from the next slot on; those that passed during the pause are not made up for.
         */
        post: operations["resume_resume_post"];
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
         * ClockData
         * @description What every command to the clock says.
         *
         *     Attributes
         *     ----------
         *     valid_until
         *         From then on it is refused.
         */
        ClockData: {
            /**
             * Validuntil
             * Format: date-time
             * @description At most an hour ahead.
             * @example 2026-11-28T12:05:00Z
             */
            validUntil: string;
        };
        /**
         * DrivenGame
         * @description A game that the clock drives: when it will look at it again, and what stands in its way.
         */
        DrivenGame: {
            /** Game */
            game: string;
            /** Waitsuntil */
            waitsUntil: string | null;
            problem: components["schemas"]["ProblemView"] | null;
        };
        /**
         * EntryView
         * @description Games that are published again and again.
         */
        EntryView: {
            /** Id */
            id: string;
            /** Every */
            every: string | null;
            /** Cron */
            cron: string | null;
            /** Timezone */
            timeZone: string | null;
            /** Lead */
            lead: string | null;
            /** Parameters */
            parameters: {
                [key: string]: unknown;
            };
            /** Nextslot */
            nextSlot: string | null;
            last: components["schemas"]["PublicationView"] | null;
        };
        /**
         * Metering
         * @description Who says what a participant took and fed in: itself, or its connection's meter.
         * @enum {string}
         */
        Metering: "self" | "meters";
        /**
         * NewEntry
         * @description Games to be published: again and again (every or cron), or one at once.
         * @example {
         *       "cron": "*\/15 6-20 * * mon-fri",
         *       "id": "quarter-hours",
         *       "parameters": {
         *         "registrationDurationMs": 30000
         *       },
         *       "validUntil": "2026-11-28T12:05:00Z"
         *     }
         * @example {
         *       "once": true,
         *       "parameters": {
         *         "expectedParticipants": 11
         *       },
         *       "validUntil": "2026-11-28T12:05:00Z"
         *     }
         */
        NewEntry: {
            /**
             * Validuntil
             * Format: date-time
             * @description At most an hour ahead.
             * @example 2026-11-28T12:05:00Z
             */
            validUntil: string;
            /**
             * Id
             * @description To ask again without doing it twice. Default: a random one.
             */
            id?: string | null;
            /**
             * Every
             * @description For instance 30s, 5m, 2h or 1d, or PT5M.
             * @example 5m
             */
            every?: string | null;
            /**
             * Cron
             * @description Five fields.
             * @example *\/15 6-20 * * mon-fri
             */
            cron?: string | null;
            /**
             * Timezone
             * @description Of cron; default UTC.
             * @example Europe/Berlin
             */
            timeZone?: string | null;
            /**
             * Lead
             * @description Publish each game so long before its slot, which has a time then.
             * @example 1d
             */
            lead?: string | null;
            /**
             * Once
             * @description Publish one game now; the answer names it.
             * @default false
             */
            once?: boolean;
            /**
             * @description Data of publishGame; see docs/reference/protocol.md.
             * @default {
             *       "mechanism": "sequential-best-response",
             *       "turnDeadlineMs": 10000,
             *       "roundLimit": 200,
             *       "tolerance": "0.000001",
             *       "feePerHop": "0.02"
             *     }
             */
            parameters?: components["schemas"]["PublishGame"];
        };
        /**
         * NewEntryCommand
         * @description Publish games.
         */
        NewEntryCommand: {
            /**
             * Id
             * Format: uuid
             */
            id: string;
            /**
             * Topic
             * @constant
             */
            topic: "scheduleGames";
            payload: components["schemas"]["_Payload_NewEntry_"];
            /** Signature */
            signature: string;
        };
        /**
         * PauseCommand
         * @description Publish no games for now.
         */
        PauseCommand: {
            /**
             * Id
             * Format: uuid
             */
            id: string;
            /**
             * Topic
             * @constant
             */
            topic: "pauseClock";
            payload: components["schemas"]["_Payload_ClockData_"];
            /** Signature */
            signature: string;
        };
        /**
         * Paused
         * @description Whether the clock publishes no games for now.
         */
        Paused: {
            /** Paused */
            paused: boolean;
        };
        /**
         * ProblemView
         * @description Why something could not be done: a stable code and a sentence.
         */
        ProblemView: {
            /** Code */
            code: string;
            /** Message */
            message: string;
        };
        /**
         * PublicationView
         * @description What became of an entry's latest slot: its game, or why it has none of this entry.
         */
        PublicationView: {
            /** Slot */
            slot: string;
            /** Game */
            game: string | null;
            problem: components["schemas"]["ProblemView"] | null;
        };
        /**
         * PublishGame
         * @description Open a game for one delivery slot; the defaults are the original system's parameters.
         */
        PublishGame: {
            /** Game */
            game?: string | null;
            /** Deliveryslot */
            deliverySlot?: string | null;
            /** Slotdurationms */
            slotDurationMs?: number | null;
            /**
             * Mechanism
             * @default sequential-best-response
             * @enum {string}
             */
            mechanism?: "sequential-best-response" | "certified";
            /** Registrationdurationms */
            registrationDurationMs?: number | null;
            /** Clearingdurationms */
            clearingDurationMs?: number | null;
            /** Expectedparticipants */
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
            /** Deliverydurationms */
            deliveryDurationMs?: number | null;
            /** Meteringwindowms */
            meteringWindowMs?: number | null;
            /** Correctionwindowms */
            correctionWindowMs?: number | null;
            /** Retailtariff */
            retailTariff?: number | string | null;
            /** Feedintariff */
            feedInTariff?: number | string | null;
            /**
             * Feeperhop
             * @default 20000000000000000
             */
            feePerHop?: number | string;
            metering?: components["schemas"]["Metering"] | null;
            /** Imbalancepenalty */
            imbalancePenalty?: number | string | null;
            /** Pricefloor */
            priceFloor?: number | string | null;
            /** Pricecap */
            priceCap?: number | string | null;
        };
        /**
         * PublishedGame
         * @description A game that was published at once.
         */
        PublishedGame: {
            /** Id */
            id: string;
            /** Game */
            game: string;
        };
        /**
         * RemovalCommand
         * @description Publish these games no more.
         */
        RemovalCommand: {
            /**
             * Id
             * Format: uuid
             */
            id: string;
            /**
             * Topic
             * @constant
             */
            topic: "unscheduleGames";
            payload: components["schemas"]["_Payload_RemovedEntry_"];
            /** Signature */
            signature: string;
        };
        /**
         * Removed
         * @description An entry that is off the schedule.
         */
        Removed: {
            /** Id */
            id: string;
        };
        /**
         * RemovedEntry
         * @description Games that are not to be published any more.
         */
        RemovedEntry: {
            /**
             * Validuntil
             * Format: date-time
             * @description At most an hour ahead.
             * @example 2026-11-28T12:05:00Z
             */
            validUntil: string;
            /** Id */
            id: string;
        };
        /**
         * ResumeCommand
         * @description Publish games again.
         */
        ResumeCommand: {
            /**
             * Id
             * Format: uuid
             */
            id: string;
            /**
             * Topic
             * @constant
             */
            topic: "resumeClock";
            payload: components["schemas"]["_Payload_ClockData_"];
            /** Signature */
            signature: string;
        };
        /**
         * ScheduleView
         * @description All that the clock has to do.
         */
        ScheduleView: {
            /** Now */
            now: string;
            /** Paused */
            paused: boolean;
            /** Speed */
            speed: number;
            /** Entries */
            entries: components["schemas"]["EntryView"][];
            /** Games */
            games: components["schemas"]["DrivenGame"][];
        };
        /** _Payload[ClockData] */
        _Payload_ClockData_: {
            /**
             * Prosumer
             * @description The operator who signs.
             */
            prosumer: string;
            /**
             * Ledger
             * @description The id of the ledger, as GET /market of the queue says.
             */
            ledger: string;
            data: components["schemas"]["ClockData"];
        };
        /** _Payload[NewEntry] */
        _Payload_NewEntry_: {
            /**
             * Prosumer
             * @description The operator who signs.
             */
            prosumer: string;
            /**
             * Ledger
             * @description The id of the ledger, as GET /market of the queue says.
             */
            ledger: string;
            data: components["schemas"]["NewEntry"];
        };
        /** _Payload[RemovedEntry] */
        _Payload_RemovedEntry_: {
            /**
             * Prosumer
             * @description The operator who signs.
             */
            prosumer: string;
            /**
             * Ledger
             * @description The id of the ledger, as GET /market of the queue says.
             */
            ledger: string;
            data: components["schemas"]["RemovedEntry"];
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
    schedule_schedule_get: {
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
                    "application/json": components["schemas"]["ScheduleView"];
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
    add_schedule_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewEntryCommand"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EntryView"] | components["schemas"]["PublishedGame"];
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
    remove_unschedule_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RemovalCommand"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Removed"];
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
    pause_pause_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PauseCommand"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Paused"];
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
    resume_resume_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ResumeCommand"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Paused"];
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
