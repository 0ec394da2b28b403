/**
 * Rows whose costs have a fixed sum, however much is transferred between them.
 *
 * @module
 */

/** The operator of these rows. */
export const BANK = "BANK";
/** How many. */
export const BANK_ROWS = 20;
/** What each has at the beginning. */
export const BANK_SHARE = 1000;
/** What they have together, at each commit point. */
export const BANK_SUM = BANK_ROWS * BANK_SHARE;
