/**
 * CSV and TSV as formats.
 *
 * @module
 */

import { excerpt } from "../../engine/system/check.ts";
import { Fault } from "../process/errors.ts";
import { counted } from "../process/io.ts";
import { type CsvOptions, CsvRecord, formatCsv } from "./csv.ts";
import type { Format } from "./format.ts";

/** A first line by which some spreadsheets name the separator. */
const SEPARATOR_LINE_REGEXP = /^sep=([\t !#-~])$/i;

/** The format of CSV with these options. */
export function csvFormat(options: CsvOptions): Format {
  const { separator, quote } = options;
  return {
    of(text) {
      const first = new CsvRecord(text(), { ...options, quote: "" });
      first.skipsEmpty = true;
      if (!first.next()) return this;
      const [, said] = SEPARATOR_LINE_REGEXP.exec(first.text) ?? [];
      if (said !== undefined) {
        return csvFormat({ ...options, separator: said, skipLines: first.line }).of(text);
      }
      if (separator !== "\t" || quote !== undefined) return this;
      const isUsed = Iterator.from(text()).some((piece) => piece.includes('"')) &&
        usesQuotes(text(), options);
      return csvFormat({ ...options, quote: isUsed ? '"' : "" });
    },
    read(text) {
      const record = new CsvRecord(text, options);
      record.skipsEmpty = true;
      if (!record.next()) throw new Fault("it is empty, its first line has the names");
      const { line } = record;
      if (record.fault !== undefined) throw new Fault(`line ${line}: ${record.fault.message}`);
      if (/^[^"\n]*\r/.test(record.text)) {
        throw new Fault("its lines end with CR, convert it: tr '\\r' '\\n'");
      }
      const header = record.header = record.text;
      const names = record.cells().map((name) => name || null);
      if (names.length === 1 && names[0] !== null && !record.hasQuotes) {
        refuseOtherSeparator(names[0]!, line);
      }
      record.columns = names.length;
      record.skipsEmpty = names.length > 1;
      return {
        names,
        header,
        rows: record.rest(),
        get remark() {
          if (record.spanning === 0) return "";
          const verb = record.spanning === 1 ? "spans" : "span";
          return `${counted(record.spanning, "cell")} ${verb} lines, the first from line ` +
            `${record.firstSpanning} on: if quotes are text, say --quote none`;
        },
      };
    },
    mixedType: () => "string",
    withColumns(text, columns) {
      const cells = columns.map(([, value]) => String(value));
      return `${formatCsv(cells, separator, quote)}${separator}${text}\n`;
    },
    headerWith(header, names) {
      // Quoted names say that the file uses quotes, see usesQuotes.
      const cells = separator === "\t" && quote === '"' ? names.map((name) => `"${name}"`) : names;
      return `${cells.join(separator)}${separator}${header}\n`;
    },
  };
}

/** Other separators, and the option for each. */
const SEPARATORS = { "\t": "--tsv", ",": "--csv", ";": "--separator ';'", "|": "--separator '|'" };

/** Throws Fault if the name of the only column looks like several names. */
function refuseOtherSeparator(name: string, line: number): void {
  for (const [separator, option] of Object.entries(SEPARATORS)) {
    if (!name.includes(separator)) continue;
    const told = `${excerpt(name)} is one column, say ${option} to take it apart, or quote it`;
    throw new Fault(`line ${line}: ${told}`);
  }
}

/**
 * Whether a file clearly uses quotes. Most programs write TSV without, and then quotes are text.
 *
 * A file with quoted names does: `export` writes them so, if a cell could have quotes. In any other
 * file that uses quotes each cell that begins with a quote ends with one, at least one cell needs
 * its quotes, and the lines make no sense without quotes. If each line were a row by itself, quotes
 * over several lines would swallow rows.
 *
 * @param pieces The text.
 * @param options How records are written.
 */
function usesQuotes(pieces: Iterable<string>, options: CsvOptions): boolean {
  const record = new CsvRecord(pieces, options);
  record.skipsEmpty = true;
  let isNeeded = false;
  let isRagged = false;
  try {
    if (!record.next()) return false;
    if (record.hasQuotes) return true;
    const columns = record.columns = record.length;
    record.skipsEmpty = columns > 1;
    while (record.next()) {
      if (!record.hasQuotes) continue;
      if (record.fault !== undefined) return false;
      const lines = record.text.split("\n");
      isRagged ||= lines.some((line) => line.split(options.separator).length !== columns);
      isNeeded ||= record.needsQuotes;
    }
  } catch (error) {
    if (error instanceof Fault) return false;
    throw error;
  }
  return isRagged || (isNeeded && record.spanning === 0);
}
