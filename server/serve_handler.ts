/**
 * What `serveTables` returns, and its options.
 *
 * @module
 */

import { describe } from "../engine/system/check.ts";
import { Guard } from "./guard.ts";
import { Handler } from "./handler.ts";
import { Streams } from "./streams.ts";
import type { ServedTable } from "./table.ts";

/** How tables are served. */
export interface ServeOptions {
  /**
   * Whether clients may write.
   *
   * @default {false}
   */
  readonly write?: boolean | undefined;
  /**
   * Who sends one of these texts may ask: as `Authorization: Bearer TOKEN`. Without tokens everybody
   * may who can reach the server, so let it listen on the loopback address only.
   *
   * @default {[]}
   */
  readonly tokens?: readonly string[] | undefined;
  /**
   * The names by which clients call the server. Requests for other names are refused; `localhost`
   * and addresses are always allowed.
   *
   * @default {[]}
   */
  readonly hosts?: readonly string[] | undefined;
  /**
   * Origins whose pages may ask, such as `https://example.com`.
   *
   * @default {[]}
   */
  readonly cors?: readonly string[] | undefined;
  /**
   * How many streams of changes there may be at once.
   *
   * @default {2000}
   */
  readonly maxStreams?: number | undefined;
  /**
   * Called with errors that a client is only told as "a bug", or that the disk caused.
   *
   * @default {console.error}
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** Answers requests. It is also what ends the streams that it answered with. */
export interface ServeHandler extends AsyncDisposable {
  /** Answers a request: pass it to `Deno.serve`. */
  (request: Request): Promise<Response>;
  /** Ends all streams, so that the server can shut down. The tables stay open. */
  close(): Promise<void>;
}

/** The handler of tables. */
export function handlerOf(
  served: readonly ServedTable[],
  options: ServeOptions = {},
): ServeHandler {
  checkOptions(options);
  const { tokens = [], hosts = [], cors = [], maxStreams = 2000 } = options;
  const tables = new Map(served.map((table) => {
    checkName(table.name);
    return [table.name, table];
  }));
  const streams = new Streams(maxStreams);
  const handler = new Handler({
    tables,
    guard: new Guard({ hosts, tokens, cors }),
    streams,
    // deno-lint-ignore no-console
    report: options.onError ?? ((error) => console.error(error)),
  });
  const close = () => Promise.resolve(streams.close());
  return Object.assign((request: Request) => handler.answer(request), {
    close,
    [Symbol.asyncDispose]: close,
  });
}

const OPTIONS = ["write", "tokens", "hosts", "cors", "maxStreams", "onError"];

function checkOptions(options: ServeOptions): void {
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot serve tables: unknown option "${unknown}", the options are ${OPTIONS.join(", ")}`,
    );
  }
  for (const name of ["tokens", "hosts", "cors"] as const) {
    const list = options[name];
    if (
      list === undefined || (Array.isArray(list) && list.every((one) => typeof one === "string"))
    ) {
      continue;
    }
    throw new TypeError(`Cannot serve tables: ${name}: ${describe(list)}, expected texts`);
  }
  if (options.tokens?.some((token) => token.length < 16)) {
    throw new TypeError("Cannot serve tables: a token is shorter than 16 characters");
  }
}

/** Refuses a name that addresses use otherwise. */
function checkName(name: string): void {
  if (!/^[^~/\\?#%\p{Cc}][^/\\?#%\p{Cc}]*$/u.test(name) || /^\.+$/.test(name)) {
    throw new TypeError(
      `Cannot serve ${JSON.stringify(name)}: a name in an address has no / \\ ? # % and does not ` +
        `begin with ~`,
    );
  }
}
