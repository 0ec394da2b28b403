/**
 * The table of the storm: collisions of aircraft with wildlife.
 *
 * @module
 */

import type { Insert, View } from "../../base.ts";

/** The fields, in the order of the CSV file's columns. */
export const STRIKES = {
  airport: { type: "string", required: true },
  aircraft: "string",
  damage: "string",
  date: { type: "date", required: true },
  operator: "string",
  state: "string",
  phase: "string",
  size: "string",
  species: "string",
  timeOfDay: "string",
  costOther: { type: "integer", default: 0 },
  costRepair: { type: "integer", default: 0 },
  costTotal: { type: "integer", default: 0 },
  speed: "integer",
} as const;

/** A strike as `insert` takes it. */
export type Strike = Insert<typeof STRIKES>;

/** The strike that a process of the storm inserts in a round: one of its own kind. */
export function stormStrike(airport: string, process: number, round: number) {
  return {
    airport,
    date: Temporal.PlainDate.from("2002-07-26"),
    operator: `STORM ${process}`,
    speed: round,
  };
}

/** The operator of the accounts, between which transactions move money. */
export const ACCOUNT = "ACCOUNT";
/** How many accounts. */
export const ACCOUNTS = 20;
/** What is in all of them, at each commit point. */
export const MONEY = ACCOUNTS * 1000;

/** An account, as it is at first; its `speed` is how often money was moved to or from it. */
export const NEW_ACCOUNT: Strike = {
  airport: "",
  date: Temporal.PlainDate.from("2002-07-26"),
  operator: ACCOUNT,
  costTotal: MONEY / ACCOUNTS,
  speed: 0,
};

/** Who counts what a process moved. */
export function counterOf(process: number): string {
  return `MOVED BY ${process}`;
}

/** What is wrong with the accounts, in words. */
export function accountFaults(view: View<typeof STRIKES>): string[] {
  return view.snapshot((view) => {
    const accounts = view.select({ operator: ACCOUNT });
    const money = accounts.reduce((sum, { costTotal }) => sum + costTotal!, 0);
    const moves = accounts.reduce((sum, { speed }) => sum + speed!, 0);
    const counted = view.sum("speed", { operator: { startsWith: counterOf(0).slice(0, -1) } });
    const faults: string[] = [];
    if (accounts.length !== ACCOUNTS) faults.push(`there are ${accounts.length} accounts`);
    if (money !== MONEY) faults.push(`the accounts have ${money}, not ${MONEY}`);
    if (moves !== 2 * counted) faults.push(`${moves} accounts were changed by ${counted} moves`);
    return faults;
  });
}
